package lessons

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestWhy: what a learner reads of an expression that does not hold.
func TestWhy(t *testing.T) {
	for name, c := range map[string]struct{ expr, want string }{
		"first false part":     {"object.spec.clusterIP == '10.96.0.1' && object.spec.type == 'NodePort'", `service/go-api: spec.type is "ClusterIP", expected "NodePort".`},
		"wanted on the left":   {"'NodePort' == object.spec.type", `service/go-api: spec.type is "ClusterIP", expected "NodePort".`},
		"mirrored":             {"3 <= size(list('pods'))", "pods: have 2, want ≥ 3."},
		"not equal":            {"object.spec.type != 'ClusterIP'", `service/go-api: spec.type is "ClusterIP", expected ≠ "ClusterIP".`},
		"missing field":        {"object.spec.externalName == 'x'", `service/go-api: spec.externalName is not set, expected "x".`},
		"has":                  {"has(object.spec.externalName)", "service/go-api: spec.externalName is not set."},
		"optional":             {"object.?spec.?sessionAffinity.orValue('None') == 'ClientIP'", `service/go-api: spec.sessionAffinity is "None", expected "ClientIP".`},
		"in":                   {"object.spec.type in ['NodePort', 'LoadBalancer']", `service/go-api: spec.type is "ClusterIP", expected one of ["NodePort","LoadBalancer"].`},
		"another object":       {"get('services', 'other').spec.type == 'x'", "service/other does not exist yet."},
		"exists":               {"exists('deployments', 'go-api')", "deployment/go-api does not exist yet."},
		"gone":                 {"!exists('services', 'go-api')", "service/go-api still exists."},
		"item of a list":       {"object.spec.ports.exists(p, p.port == 80)", "service/go-api: spec.ports[0].port is 8080, expected 80."},
		"every object":         {"list('pods').all(p, ready(p))", "pod/b is not ready: Running."},
		"none of many":         {"list('pods').exists(p, p.metadata.labels.app == 'x')", "None of 2 matches (pods). The first:\n" + `pod/a: metadata.labels.app is "go-api", expected "x".`},
		"none at all":          {"list('pods', {'app': 'x'}).exists(p, ready(p))", "None found: pods with app=x."},
		"either":               {"object.spec.type == 'x' || size(list('pods')) == 3", "Either:\n" + `service/go-api: spec.type is "ClusterIP", expected "x".` + "\nor:\npods: have 2, want 3."},
		"conditional":          {"size(list('pods')) == 2 ? object.spec.type == 'x' : false", `service/go-api: spec.type is "ClusterIP", expected "x".`},
		"compared fields":      {"object.spec.clusterIP == get('services', 'go-api').spec.type", `service/go-api: spec.clusterIP is "10.96.0.1", expected "ClusterIP".`},
		"selector":             {"selects({'app': 'x'}, get('pods', 'a'))", `The selector {"app":"x"} does not match pod/a, whose labels are app=go-api.`},
		"ready endpoints":      {"size(readyEndpoints('go-api')) >= 1", "ready endpoints of service/go-api: have 0, want ≥ 1."},
		"index":                {"object.spec.ports[0].port == 1", "service/go-api: spec.ports[0].port is 8080, expected 1."},
		"label with a slash":   {"object.metadata.labels['a/b'] == 'x'", `service/go-api: metadata.labels.a/b is not set, expected "x".`},
		"something else again": {"object.spec.type.startsWith('x')", `Does not hold: object.spec.type.startsWith('x')`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fmt.Sprintf("checks: [{id: a, kind: state, resource: services, name: go-api, expr: %q}]", c.expr), "a")
			r.put("services", "{kind: Service, metadata: {name: go-api}, spec: {type: ClusterIP, clusterIP: 10.96.0.1, ports: [{port: 8080}]}}", initial)
			r.put("pods", pod("a", "go-api", true), initial)
			r.put("pods", pod("b", "go-api", false), initial)
			r.begin()
			got := strings.Join(r.engine.Outcome().Checks[0].Why, "\n")
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("why is\n%s\nwanted\n%s", got, c.want)
			}
		})
	}
}

func TestWhyNamesTheLastEvent(t *testing.T) {
	r := newRig(t, stateStep, "a")
	r.put("services", service(8080, "x"), initial)
	r.put("pods", "{kind: Pod, metadata: {name: p1, labels: {app: go-api}}, status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: no such image}}}]}}", initial)
	r.put("events", "{kind: Event, metadata: {name: e}, reason: Failed, message: 'Failed to pull image', involvedObject: {kind: Pod, name: p1}, lastTimestamp: '2026-11-21T12:00:00Z'}", initial)
	r.begin()
	r.want("a", Converging, "pod/p1 is ImagePullBackOff: no such image", "Last Event of pod/p1: Failed: Failed to pull image")
}

// differentMessages compares the messages of a language with the English ones.
func differentMessages(en, other map[string]string) []string {
	value := regexp.MustCompile(`\.[A-Z]\w*`)
	values := func(s string) string {
		found := value.FindAllString(s, -1)
		slices.Sort(found)
		return strings.Join(slices.Compact(found), " ")
	}
	var out []string
	for _, id := range unionKeysOf(en, other) {
		text, there := other[id]
		switch {
		case strings.TrimSpace(text) == "" || !there:
			out = append(out, fmt.Sprintf("%q is missing", id))
		case en[id] == "":
			out = append(out, fmt.Sprintf("%q is not in English", id))
		case values(en[id]) != values(text):
			out = append(out, fmt.Sprintf("%q has the values %q, wanted %q", id, values(text), values(en[id])))
		}
	}
	return out
}

func unionKeysOf(a, b map[string]string) []string { return sortedKeys(merged(a, b)) }

func TestDifferentMessagesAreFound(t *testing.T) {
	en := map[string]string{"plain": "lost", "values": "{{.A}} of {{.B}}", "if": "x{{if .C}} {{.C}}{{end}}"}
	for name, c := range map[string]struct {
		other map[string]string
		want  string
	}{
		"the same":         {map[string]string{"plain": "遺失", "values": "{{.B}} 之 {{.A}}", "if": "甲{{if .C}} {{.C}}{{end}}"}, ""},
		"missing":          {map[string]string{"values": "{{.B}}{{.A}}", "if": "{{.C}}"}, `"plain" is missing`},
		"empty":            {map[string]string{"plain": " ", "values": "{{.B}}{{.A}}", "if": "{{.C}}"}, `"plain" is missing`},
		"one too many":     {map[string]string{"plain": "x", "values": "{{.B}}{{.A}}", "if": "{{.C}}", "more": "y"}, `"more" is not in English`},
		"a value less":     {map[string]string{"plain": "x", "values": "{{.B}}", "if": "{{.C}}"}, `"values" has the values ".B", wanted ".A .B"`},
		"another value":    {map[string]string{"plain": "x", "values": "{{.B}}{{.D}}", "if": "{{.C}}"}, `"values" has the values`},
		"a value too many": {map[string]string{"plain": "{{.A}}", "values": "{{.B}}{{.A}}", "if": "{{.C}}"}, `"plain" has the values ".A", wanted ""`},
	} {
		got := strings.Join(differentMessages(en, c.other), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, wanted %q", name, got, c.want)
		}
	}
}

// TestMessagesAreComplete: every sentence of the engine is there in every
// language, with the same values, and the code uses no other.
func TestMessagesAreComplete(t *testing.T) {
	read := func(lang string) map[string]string {
		data, err := fs.ReadFile(locales, "locales/active."+lang+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		if err := yaml.Unmarshal(data, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	en := read(english)
	for _, lang := range Languages()[1:] {
		for _, problem := range differentMessages(en, read(lang)) {
			t.Errorf("%s: %s", lang, problem)
		}
	}
	used := regexp.MustCompile(`(?:say\.text|w\.say)\("([a-z-]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range used.FindAllSubmatch(data, -1) {
			if en[string(m[1])] == "" {
				t.Errorf("%s says %q, which has no text", file, m[1])
			}
		}
	}
}

func TestChineseIsSpoken(t *testing.T) {
	e, err := NewEngine(testLesson(t, stateStep, "a"), EngineOptions{Namespace: "ns", Lang: "zh-TW"})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: e, held: nil}
	r.begin()
	r.want("a", Unmet, "service/go-api 還不存在")
}
