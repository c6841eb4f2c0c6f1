package lessons

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster/space"
)

func requestKind() *checkKind {
	return &checkKind{
		name:   "request",
		fields: func() checkFields { return &requestFields{} },
		scope: scope{variables: []variable{
			{name: "request", doc: "`{verb, group, resource, subresource, name, namespace, query, command, code, userAgent}`; `command` is the list of words that an exec runs"},
			{name: "object", doc: "the object that was asked for, also when it is gone by now; null when the watch has never shown it"},
		}},
		audited: true,
		doc: kindDoc{
			title: "the learner asked the API server for it",
			text: "Counts entries of the API server's audit log since the step began, and stays met. k8stutor's own requests are not in the log. " +
				"Requests for cluster-scoped resources match whatever the namespace; since `lesson test` runs other namespaces side by side, a " +
				"check of such requests needs `expr` to be sure that it was this one. Reading is fair to ask for (\"look at the logs\"), but prefer " +
				"an `answer` that can only be known by having looked: a learner may use another tool, or the cluster pane. A name is no proof of " +
				"whose Pod it was: ask `object`. `expr` sees the cluster as it is when the request arrives, so it can demand that " +
				"something was there to be looked at. That a request succeeded does not say that the command in the Pod did.",
			example: `
- id: read-previous
  kind: request
  verb: get
  resource: pods
  subresource: log
  query: {previous: "true"}
  expr: ownedBy(object, get('deployments', 'go-api'))
`,
			fields: []fieldDoc{
				{"verb", "a verb or a list of them; default: any. Leave it out for exec, attach and portforward, where clients differ"},
				{"resource", "the resource that was asked for"},
				{"subresource", "a subresource or a list of them; default: only requests for the object itself"},
				{"name", "name of the object; default: any"},
				{"namespace", "namespace of the request; default: the lesson's. `'*'` is any"},
				{"query", "query parameters, each of which must be there with this value"},
				{"expr", "further condition on the request"},
				{"failed", "`true` counts only requests that were refused or failed; default: only those that succeeded"},
				{"atLeast", "how many requests; default 1"},
			},
			verdicts: []verdictDoc{
				{Met, "`atLeast` such requests were seen"},
				{Unmet, "fewer were seen; on a cluster without an audit log the screen says that the check cannot be met"},
			},
		},
	}
}

type requestFields struct {
	Verb        oneOrMore         `yaml:"verb"`
	Resource    string            `yaml:"resource,required"`
	Subresource oneOrMore         `yaml:"subresource"`
	Name        string            `yaml:"name"`
	Namespace   string            `yaml:"namespace"`
	Query       map[string]string `yaml:"query"`
	Expr        Expr              `yaml:"expr"`
	Failed      bool              `yaml:"failed"`
	AtLeast     int               `yaml:"atLeast"`

	group, plural string                      // of Resource
	gvr           schema.GroupVersionResource // when expr asks for the object
}

func (f *requestFields) load(l *checkLoader) {
	l.atLeast(&f.AtLeast)
	gvr, _ := ParseResource(f.Resource) // a resource that is unknown here can be asked for all the same
	f.group, f.plural = gvr.Group, cmp.Or(gvr.Resource, f.Resource)
	l.condition(&f.Expr)
	if f.Expr.mentions("object") {
		f.gvr = l.resource(f.Resource, f.Namespace, l.check.of("resource"))
	}
}

func (f *requestFields) checker(*Check) checker { return &requestCheck{requestFields: f} }

// requestCheck counts what the learner asked the API server for.
type requestCheck struct {
	noMemory
	*requestFields
	count int
}

func (r *requestCheck) observe(e *Engine, in Input) {
	q, ok := in.(Requested)
	if !ok || !q.At.After(e.started) {
		return
	}
	namespace := cmp.Or(r.Namespace, e.namespace)
	switch {
	case len(r.Verb) > 0 && !slices.Contains(r.Verb, q.Verb),
		r.plural != q.Resource || r.group != q.Group,
		!r.wants(q.Subresource),
		r.Name != "" && r.Name != q.Name,
		namespace != "*" && q.Namespace != "" && namespace != q.Namespace,
		r.Failed != (q.Code >= 400):
		return
	}
	for key, value := range r.Query {
		if q.Query.Get(key) != value {
			return
		}
	}
	if !r.Expr.IsZero() && !r.Expr.program.holds(e.act, map[string]any{"request": requestValue(q.Request), "object": r.asked(e, q.Request)}) {
		return
	}
	r.count++
}

// asked is the object that was asked for: as it is, or as it was last.
func (f *requestFields) asked(e *Engine, q space.Request) any {
	if u := e.store.get(f.gvr, q.Namespace, q.Name); u != nil {
		return u.Object
	}
	for _, c := range slices.Backward(e.history[f.gvr]) {
		if u := c.Object(); u != nil && u.GetName() == q.Name && u.GetNamespace() == q.Namespace {
			return u.Object
		}
	}
	return nil
}

// wants reports whether the check is about requests of a subresource, "" for
// the object itself.
func (f *requestFields) wants(subresource string) bool {
	if len(f.Subresource) == 0 {
		return subresource == ""
	}
	return slices.Contains(f.Subresource, subresource)
}

func requestValue(q space.Request) map[string]any {
	query := map[string]any{}
	for key := range q.Query {
		query[key] = q.Query.Get(key)
	}
	return map[string]any{
		"verb": q.Verb, "group": q.Group, "resource": q.Resource, "subresource": q.Subresource, "name": q.Name,
		"namespace": q.Namespace, "query": query, "command": append([]string{}, q.Query["command"]...), "code": int64(q.Code), "userAgent": q.UserAgent,
	}
}

func (r *requestCheck) judge(*Engine) Verdict {
	if r.count >= r.AtLeast {
		return Met
	}
	return Unmet
}

func (r *requestCheck) why(e *Engine) []string {
	what := r.Resource
	if r.Name != "" {
		what += "/" + r.Name
	}
	if len(r.Subresource) > 0 {
		what += "/" + strings.Join(r.Subresource, "|")
	}
	if len(r.Verb) > 0 {
		what = strings.Join(r.Verb, "|") + " " + what
	}
	keys := make([]string, 0, len(r.Query))
	for key, value := range r.Query {
		keys = append(keys, key+"="+value)
	}
	if len(keys) > 0 {
		slices.Sort(keys)
		what += "?" + strings.Join(keys, "&")
	}
	return []string{e.say.text("request", "What", what, "Observed", r.count, "Wanted", r.AtLeast)}
}

func (r *requestCheck) reset() bool { r.count = 0; return true }
