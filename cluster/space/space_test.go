package space

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

func TestSnapshotInPages(t *testing.T) {
	const expired = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`
	list := func(version int, more string, names ...string) string {
		body := fmt.Sprintf(`{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"%d","continue":%q},"items":[`, version, more)
		for i, name := range names {
			if i > 0 {
				body += ","
			}
			body += fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"ns","name":%q,"resourceVersion":"%d"}}`, name, version-i)
		}
		return body + `]}`
	}
	for _, tt := range []struct {
		name    string
		pages   map[string]string // by limit and the token that asks for more
		version uint64
		want    []ObjectRef
	}{
		{"one page", map[string]string{"100 ": list(9, "", "a", "b")}, 9, []ObjectRef{{"ns", "a", 9}, {"ns", "b", 8}}},
		{"none", map[string]string{"100 ": list(9, "")}, 9, nil},
		{
			"two pages",
			map[string]string{"100 ": list(9, "more", "a"), "100 more": list(9, "", "b")},
			9,
			[]ObjectRef{{"ns", "a", 9}, {"ns", "b", 9}},
		},
		{
			"the revision is forgotten between them",
			map[string]string{"100 ": list(9, "more", "a"), "100 more": expired, " ": list(12, "", "c", "d")},
			12,
			[]ObjectRef{{"ns", "c", 12}, {"ns", "d", 11}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := clientOf(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				page := tt.pages[r.URL.Query().Get("limit")+" "+r.URL.Query().Get("continue")]
				if page == expired {
					rw.WriteHeader(http.StatusGone)
				}
				_, _ = rw.Write([]byte(page))
			})
			spec := watch.Spec{Resource: schema.GroupVersionResource{Version: "v1", Resource: "pods"}, Namespace: "ns"}
			got, err := (&Space{client: w}).Snapshot(t.Context(), []watch.Spec{spec})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Spec != spec || got[0].Revision != tt.version || !slices.Equal(got[0].Objects, tt.want) {
				t.Errorf("got %+v, want revision %d and %v", got, tt.version, tt.want)
			}
		})
	}
}
