package lessons

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// liveSource is what the functions of live text read of an engine: what was
// seen since the step began.
type liveSource struct {
	metAt   func(check string) (time.Time, bool) // "": the whole step
	met     func(check string) (met, known bool)
	done    func(step string) bool
	solved  func() []string
	history func(resource string) []any
	changes func(resource string) []Change
	// lastSeen is an object with a UID as a change since the step began showed
	// it last; nil when none did.
	lastSeen func(uid string) map[string]any
	moments  func(resource, name string) []any
	runs     func(pod string) []any
	traffic  func(check string) (map[string]any, bool)
	probes   func() []probeMark
	// end is when the step was met, else now.
	end func() time.Time
	say func(id string) string
}

// recordedFunctions read what was recorded since the step began.
func recordedFunctions() functionGroup {
	entries := cel.ListType(cel.DynType)
	return functionGroup{
		title:  "What was recorded",
		values: true,
		text:   "They read what the engine has seen since the step began, with the times at which it saw it.",
		functions: []function{
			{
				name: "metAt", calls: [][]param{{}, {textParam("check")}}, result: cel.TimestampType,
				doc:     "when the step, or a check of it, was met; of a check that was lost and met again, the last time",
				example: "metAt() - metAt('three-ready')",
				read: func(a *activation, args []ref.Val) ref.Val {
					check := ""
					if len(args) > 0 {
						check = textOf(args[0])
					}
					t, ok := a.live.metAt(check)
					return orNoValue(t, ok)
				},
			},
			{
				name: "met", calls: oneCall(textParam("check")), result: cel.BoolType,
				doc:     "whether the check is met now: the lights of a map",
				example: "met('events') ? '●' : '○'",
				read: func(a *activation, args []ref.Val) ref.Val {
					met, ok := a.live.met(textOf(args[0]))
					return orNoValue(met, ok)
				},
			},
			{
				name: "done", calls: oneCall(textParam("step")), result: cel.BoolType,
				doc:     "whether a step of the lesson was ever met, in this session or an earlier one",
				example: "done('create') ? '●' : '○'",
				read:    func(a *activation, args []ref.Val) ref.Val { return types.Bool(a.live.done(textOf(args[0]))) },
			},
			{
				name: "solved", calls: oneCall(), result: cel.ListType(cel.StringType),
				doc:     "the cases of this step that were ever solved",
				example: "string(solved().size()) + ' of 12'",
				read:    func(a *activation, _ []ref.Val) ref.Val { return toVal(a.live.solved()) },
			},
			{
				name: "history", calls: oneCall(resourceParam()), result: entries,
				doc: "the changes of a resource as they came: `{type, old, new, at}`. When a resource has had 1,024 of them, the older half is forgotten, " +
					"for `moments` and `runs` too",
				example: "history('deployments').map(h, h.new.spec.replicas)",
				read:    func(a *activation, args []ref.Val) ref.Val { return toVal(a.live.history(textOf(args[0]))) },
			},
			{
				name: "moments", calls: [][]param{{resourceParam()}, {resourceParam(), anyParam("name")}}, result: entries,
				doc: "the changes of a resource, or of one object, as what they mean: `{at, name, what, image, version}`. `what` of a Pod is `Pending`, " +
					"`Running`, `Ready`, `NotReady`, `exit 1`, `OOMKilled`, `CrashLoopBackOff` (or another reason to wait), `Terminating` or " +
					"`Deleted`; of an Event its reason, with the name of the object it is about; of anything else `Created`, `replicas 3→5`, " +
					"`revision 2`, `Available=False` (a condition), `Terminating` or `Deleted`",
				example: "moments('pods', 'crasher').map(m, m.what)",
				read: func(a *activation, args []ref.Val) ref.Val {
					name := ""
					if len(args) > 1 {
						name = textOf(args[1])
					}
					return toVal(a.live.moments(textOf(args[0]), name))
				},
			},
			{
				name: "runs", calls: oneCall(anyParam("pod")), result: entries, reads: []string{"pods"},
				doc: "the lives of a Pod's first container, oldest first: `{n, began, ended, code, reason, ran, waited}`, where `waited` is the time since " +
					"the life before ended. What is not known (yet) is missing: `filter(r, has(r.waited))`",
				example: "runs('crasher').map(r, r.n)",
				read:    func(a *activation, args []ref.Val) ref.Val { return toVal(a.live.runs(textOf(args[0]))) },
			},
			{
				name: "trafficOf", calls: oneCall(textParam("check")), result: cel.DynType,
				doc:     "what a check of kind `traffic` has counted: `{sent, ok, failed, pods, versions}`; it counts until the step is met",
				example: "trafficOf('no-loss').sent",
				read: func(a *activation, args []ref.Val) ref.Val {
					t, ok := a.live.traffic(textOf(args[0]))
					return orNoValue(t, ok)
				},
			},
		},
	}
}
