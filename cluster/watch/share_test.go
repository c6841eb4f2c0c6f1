package watch

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"unsafe"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/tools/cache"

	"github.com/k8stutor/k8stutor/cluster/internal/queue"
)

// The reflector asks for it by this interface.
var _ cache.TransformingStore = (*resourceWatch)(nil)

// decoded is what the client makes of JSON: nothing is shared.
func decoded(t testing.TB, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := utiljson.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestShareChangesNoValue(t *testing.T) {
	for name, c := range map[string]struct {
		ours, like string
		equal      bool
	}{
		"equal":             {`{"a":{"b":["x",1,true,null,1.5]}}`, `{"a":{"b":["x",1,true,null,1.5]}}`, false}, // fractions stay apart
		"equal, but no 1.5": {`{"a":{"b":["x",1,true,null]}}`, `{"a":{"b":["x",1,true,null]}}`, true},
		"more":              {`{"a":{"b":1},"c":2}`, `{"a":{"b":1}}`, false},
		"less":              {`{"a":{"b":1}}`, `{"a":{"b":1},"c":2}`, false},
		"other value":       {`{"a":{"b":1},"c":"x"}`, `{"a":{"b":2},"c":"x"}`, false},
		"other type":        {`{"a":1,"b":"1","c":[],"d":{}}`, `{"a":"1","b":1,"c":{},"d":[]}`, false},
		"nothing":           {`{"a":null,"b":{},"c":[]}`, `{"a":{},"b":null,"c":null}`, false},
		"longer list":       {`{"a":["x","y"]}`, `{"a":["x"]}`, false},
		"shorter list":      {`{"a":["x"]}`, `{"a":["x","y"]}`, false},
		"moved in a list":   {`{"a":["x","y"]}`, `{"a":["y","x"]}`, false},
	} {
		ours, like := decoded(t, c.ours), decoded(t, c.like)
		if got := share(ours, like); got != c.equal {
			t.Errorf("%s: share says %v", name, got)
		}
		if want := decoded(t, c.ours); !reflect.DeepEqual(ours, want) {
			t.Errorf("%s: became %v, was %v", name, ours, want)
		}
		if want := decoded(t, c.like); !reflect.DeepEqual(like, want) {
			t.Errorf("%s: the other became %v, was %v", name, like, want)
		}
	}
}

// podJSON is a Pod of a Deployment as an API server sends it; state goes into its
// status alone.
func podJSON(name, version, state string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":%[1]q,"generateName":"go-api-65577fc4f9-","namespace":"ns","uid":"uid-%[1]s",
"resourceVersion":%[2]q,"creationTimestamp":"2026-11-21T10:00:00Z","labels":{"app":"go-api","pod-template-hash":"65577fc4f9"},
"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"go-api-65577fc4f9","uid":"b6b5","controller":true,"blockOwnerDeletion":true}],
"managedFields":[{"manager":"kubelet","operation":"Update","fieldsV1":{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:type":{}}}}}}]},
"spec":{"containers":[{"name":"go-api","image":"go-api:0.0.1","ports":[{"containerPort":8080,"protocol":"TCP"}],"resources":{"requests":{"cpu":"10m"}},
"volumeMounts":[{"name":"kube-api-access-%[1]s","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],
"readinessProbe":{"httpGet":{"path":"/readyz","port":8080,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":2}}],
"volumes":[{"name":"kube-api-access-%[1]s","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},
{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}}],"defaultMode":420}}],
"restartPolicy":"Always","dnsPolicy":"ClusterFirst","serviceAccountName":"default","nodeName":"n","securityContext":{},"schedulerName":"default-scheduler",
"tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],"priority":0},
"status":{"phase":"Running","podIP":"ip-%[1]s","hostIP":"172.18.0.2","conditions":[{"type":"Initialized","status":"True","lastTransitionTime":"2026-11-21T10:00:00Z"},
{"type":"Ready","status":%[3]q,"lastTransitionTime":"2026-11-21T10:00:01Z"},{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-11-21T10:00:00Z"}],
"containerStatuses":[{"name":"go-api","image":"go-api:0.0.1","containerID":"c-%[1]s","restartCount":0,"ready":true,"state":{"running":{"startedAt":"2026-11-21T10:00:01Z"}}}]}}`,
		name, version, state)
}

func decodedPod(t testing.TB, name, version, state string) *unstructured.Unstructured {
	t.Helper()
	return &unstructured.Unstructured{Object: decoded(t, podJSON(name, version, state))}
}

// nested is a map or a list in an object, itself.
func nested(u *unstructured.Unstructured, path ...string) uintptr {
	v, _, _ := unstructured.NestedFieldNoCopy(u.Object, path...)
	return reflect.ValueOf(v).Pointer()
}

func newTestWatch() *resourceWatch {
	w := &Watcher{events: queue.New[Event](), view: newView(), lost: map[*resourceWatch]error{}}
	return &resourceWatch{spec: Spec{podsResource, "ns"}, out: w, objects: map[string]*unstructured.Unstructured{}}
}

func TestWatcherKeepsWhatIsEqualOnce(t *testing.T) {
	r := newTestWatch()
	var first []any
	for _, name := range []string{"a", "b"} { // as a reflector takes a streamed list in
		u, err := r.Transformer()(decodedPod(t, name, "1", "True"))
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, u)
	}
	if err := r.Replace(first, "1"); err != nil {
		t.Fatal(err)
	}
	a, b := r.objects["ns/a"], r.objects["ns/b"]
	for _, path := range [][]string{{"metadata", "labels"}, {"metadata", "ownerReferences"}, {"spec", "tolerations"}, {"status", "conditions"}} {
		if nested(a, path...) != nested(b, path...) {
			t.Errorf("two Pods of a template have each their own %v", path)
		}
	}
	if err := r.Update(decodedPod(t, "a", "2", "False")); err != nil {
		t.Fatal(err)
	}
	now := r.objects["ns/a"]
	for _, path := range [][]string{{"spec"}, {"metadata", "labels"}, {"status", "containerStatuses"}} {
		if nested(now, path...) != nested(a, path...) {
			t.Errorf("%v has not changed, and is there twice", path)
		}
	}
	for u, want := range map[*unstructured.Unstructured]string{
		a: podJSON("a", "1", "True"), b: podJSON("b", "1", "True"), now: podJSON("a", "2", "False"),
	} {
		plain := decoded(t, want)
		delete(plain["metadata"].(map[string]any), "managedFields")
		if !reflect.DeepEqual(u.Object, plain) {
			got, _ := json.Marshal(u.Object)
			t.Errorf("a Pod became %s", got)
		}
	}
	keys := map[string]*byte{}
	for _, u := range []*unstructured.Unstructured{a, b, now} {
		for k := range u.Object {
			if keys[k] == nil {
				keys[k] = unsafe.StringData(k)
			}
			if keys[k] != unsafe.StringData(k) {
				t.Errorf("the word %q is there twice", k)
			}
		}
	}
}

// TestRelistChangesNothingThatIsRead: who has got an object reads it at any time,
// while a new list is taken in, of which parts are shared with it.
func TestRelistChangesNothingThatIsRead(t *testing.T) {
	r := newTestWatch()
	relist := func(order []int, pods ...*unstructured.Unstructured) {
		t.Helper()
		list := make([]any, len(pods))
		for i, u := range pods {
			small, err := r.Transformer()(u)
			if err != nil {
				t.Fatal(err)
			}
			list[order[i]] = small
		}
		if err := r.Replace(list, "1"); err != nil {
			t.Fatal(err)
		}
	}
	relist([]int{0}, decodedPod(t, "a", "1", "True"))
	read, places := r.objects["ns/a"], map[string]*byte{}
	walk(read.Object, "", func(path, text string) { places[path] = unsafe.StringData(text) })
	if len(places) < 50 {
		t.Fatalf("only %d words in a Pod", len(places))
	}
	// Of the new ones, the first holds parts of the one that is read, and the last
	// has words of its own, as the one between is like nobody. The reflector gives
	// them in any order.
	stranger := &unstructured.Unstructured{Object: decoded(t, `{"kind":"Pod","metadata":{"namespace":"ns","name":"stranger"}}`)}
	relist([]int{3, 2, 0, 1}, decodedPod(t, "a", "1", "True"), decodedPod(t, "new", "1", "True"), stranger, decodedPod(t, "other", "1", "True"))
	walk(read.Object, "", func(path, text string) {
		if places[path] != unsafe.StringData(text) {
			t.Errorf("%s was written to", path)
		}
	})
}

// walk visits all strings in a value, keys included.
func walk(v any, path string, visit func(path, text string)) {
	switch x := v.(type) {
	case map[string]any:
		for k, v := range x {
			visit(path+"."+k+" (key)", k)
			walk(v, path+"."+k, visit)
		}
	case []any:
		for i, v := range x {
			walk(v, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case string:
		visit(path, x)
	}
}

// TestWatcherIsSmall: a thousand Pods, and four more versions of each in the
// hands of whoever keeps a history, take less than a third of what the decoder
// made of them.
func TestWatcherIsSmall(t *testing.T) {
	const pods, versions = 1000, 5
	size := func(keep func(*unstructured.Unstructured)) uint64 {
		before := heap()
		for v := range versions {
			for i := range pods {
				keep(decodedPod(t, fmt.Sprintf("go-api-65577fc4f9-%05d", i), fmt.Sprint(v), []string{"True", "False"}[v%2]))
			}
		}
		return heap() - before
	}
	var all []*unstructured.Unstructured
	plain := size(func(u *unstructured.Unstructured) {
		unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
		all = append(all, u)
	})
	runtime.KeepAlive(all)
	all = nil
	r := newTestWatch()
	kept := size(func(u *unstructured.Unstructured) {
		if err := r.Update(u); err != nil {
			t.Fatal(err)
		}
	})
	if got := r.out.events.Len(); got != pods*versions {
		t.Fatalf("%d events", got)
	}
	runtime.KeepAlive(r)
	t.Logf("bytes a version: %d as decoded, %d as kept", plain/(pods*versions), kept/(pods*versions))
	if kept > plain/3 {
		t.Errorf("%d versions of %d Pods take %d kB, as decoded %d", versions, pods, kept>>10, plain>>10)
	}
}

// heap is what is alive.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkTake(b *testing.B) {
	r := newTestWatch()
	if err := r.Update(decodedPod(b, "a", "1", "True")); err != nil {
		b.Fatal(err)
	}
	pods := make([]*unstructured.Unstructured, b.N)
	for i := range pods {
		pods[i] = decodedPod(b, "a", "2", "False")
	}
	b.ResetTimer()
	for _, u := range pods {
		if _, err := r.take(u); err != nil {
			b.Fatal(err)
		}
	}
}
