package lessons

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/api/resource"
)

// identityFunctions tell objects apart by their UID, and by what they hold.
func identityFunctions() functionGroup {
	return functionGroup{
		title: "Which object, and what it keeps",
		text: "A name says nothing about identity: what is deleted and created again under one name is another object. These functions go by UID. " +
			"An endpoint (of `endpoints`) stands for its Pod.",
		functions: []function{
			{
				name: "same", calls: oneCall(anyParam("a"), anyParam("b")), result: cel.BoolType,
				doc:     "whether both are the same object, at whatever time; false for null, and for an object that was created again",
				example: "same(object, baseline)",
				pure: func(args ...ref.Val) ref.Val {
					uid := uidOf(args[0])
					return types.Bool(uid != "" && uid == uidOf(args[1]))
				},
				why: whyNotSame,
			},
			{
				name: "isNew", calls: oneCall(anyParam("object")), result: cel.BoolType,
				doc:     "whether the object did not exist when the step began; false for null",
				example: "list('pods', 'app=go-api').exists(p, isNew(p))",
				read: func(a *activation, args []ref.Val) ref.Val {
					uid := uidOf(args[0])
					return types.Bool(uid != "" && a.base.held(uid) == nil)
				},
				why: func(w *walk, args []string) []string { return w.say("not-new", "What", w.locate(args[0]).title()) },
			},
			{
				name: "ownedBy", calls: oneCall(anyParam("object"), anyParam("owner")), result: cel.BoolType, reads: []string{"replicasets"},
				doc:     "whether `owner` owns the object, directly or through others, some of which may be gone by now; false for null",
				example: "ownedBy(new, get('deployments', 'go-api'))",
				read: func(a *activation, args []ref.Val) ref.Val {
					return types.Bool(a.ownedThrough(uidOf(args[0]), native(args[0]), uidOf(args[1])))
				},
				why: func(w *walk, args []string) []string {
					return w.say("not-owned", "What", w.locate(args[0]).title(), "Owner", w.locate(args[1]).title())
				},
			},
			{
				name: "keeps", calls: oneCall(anyParam("now"), anyParam("before"), listParam("but")), result: cel.BoolType,
				doc: "whether everything but `metadata` and `status` is as it was, except for the fields of the list: `'spec.replicas'`, " +
					"`'spec.template.spec.containers[app].env[A]'` (an item by its name) or `'spec.template.spec.containers[*].image'` (any item), each with all " +
					"that is below it. Items with a name are compared by it, whatever their order; quantities by their value; a field " +
					"that is not set equals an empty one. False for null",
				example: "keeps(object, baseline, ['spec.template.spec.containers[*].image'])",
				pure: func(args ...ref.Val) ref.Val {
					d, ok := changedField(args[0], args[1], stringsOf(args[2]))
					return types.Bool(ok && d == nil)
				},
				why: whyNotKept,
			},
		},
	}
}

// uidOf is the UID of an object, or of the Pod that an endpoint stands for; ""
// when there is none.
func uidOf(v ref.Val) string {
	m, _ := native(v).(map[string]any)
	if uid, ok := m["uid"].(string); ok {
		return uid
	}
	return object(m).uid()
}

func whyNotSame(w *walk, args []string) []string {
	v, ok := w.value(args[0])
	at := w.locate(args[0])
	if _, isObject := native(v).(map[string]any); !ok || !isObject {
		return w.say("no-object", "Object", at.title())
	}
	w.note(at.subject)
	return w.say("not-same", "What", at.title())
}

// held is the object with a UID, nil when there is none.
func (s *store) held(uid string) map[string]any {
	if _, u := s.byUID(uid); u != nil {
		return u.Object
	}
	return nil
}

// lastSeen finds an object by its UID, also one that is gone.
func (a *activation) lastSeen(uid string) map[string]any {
	if m := a.now.held(uid); m != nil {
		return m
	}
	if m := a.live.lastSeen(uid); m != nil {
		return m
	}
	return a.base.held(uid)
}

// ownedThrough walks up from an object to the owner with a UID.
func (a *activation) ownedThrough(uid string, held any, owner string) bool {
	if uid == "" || owner == "" {
		return false
	}
	m, _ := held.(map[string]any)
	if object(m).uid() == "" { // an endpoint
		m = a.lastSeen(uid)
	}
	for range 10 { // no chain is longer; a made-up loop must not hang us
		refs := object(m).maps("metadata", "ownerReferences")
		if len(refs) == 0 {
			return false
		}
		up := object(refs[0]).str("uid")
		if up == owner {
			return true
		}
		m = a.lastSeen(up)
	}
	return false
}

// fieldChange is the first field in which two objects differ.
type fieldChange struct {
	path        []string // fields, and items of lists as [name] or [index]
	now, before any
}

func (d *fieldChange) String() string {
	return strings.ReplaceAll(strings.Join(d.path, "."), ".[", "[")
}

// changedField compares two objects; false when one of them is none.
func changedField(now, before ref.Val, but []string) (*fieldChange, bool) {
	a, ok1 := native(now).(map[string]any)
	b, ok2 := native(before).(map[string]any)
	if !ok1 || !ok2 {
		return nil, false
	}
	allowed := [][]string{{"metadata"}, {"status"}}
	for _, path := range but {
		allowed = append(allowed, strings.Split(strings.ReplaceAll(path, "[", ".["), "."))
	}
	return differ(nil, a, b, allowed), true
}

// keepsSpec reports whether two states of an object differ at most in their
// replicas, their metadata and their status.
func keepsSpec(now, before map[string]any) bool {
	return differ(nil, now, before, [][]string{{"metadata"}, {"status"}, {"spec", "replicas"}}) == nil
}

func differ(path []string, now, before any, allowed [][]string) *fieldChange {
	if slices.ContainsFunc(allowed, func(pattern []string) bool { return below(path, pattern) }) {
		return nil
	}
	a, b := keyed(now), keyed(before)
	if isItem := len(path) > 0 && strings.HasPrefix(path[len(path)-1], "["); isItem && (now == nil) != (before == nil) {
		return &fieldChange{path, now, before}
	}
	if a == nil && b == nil {
		if isEmpty(now) && isEmpty(before) || sameValue(path, now, before) {
			return nil
		}
		return &fieldChange{path, now, before}
	}
	if a == nil && !isEmpty(now) || b == nil && !isEmpty(before) {
		return &fieldChange{path, now, before}
	}
	for _, key := range keysOf(a, b) {
		if d := differ(append(slices.Clone(path), key), a[key], b[key], allowed); d != nil {
			return d
		}
	}
	return nil
}

// below reports whether a path is what the pattern names, or part of it.
func below(path, pattern []string) bool {
	if len(path) < len(pattern) {
		return false
	}
	for i, want := range pattern {
		if path[i] != want && (want != "[*]" || !strings.HasPrefix(path[i], "[")) {
			return false
		}
	}
	return true
}

// keyed is a map as it is, and a list by the names of its items, or else by
// their places; nil when v is neither.
func keyed(v any) map[string]any {
	switch x := v.(type) {
	case map[string]any:
		return x
	case []any:
		out := make(map[string]any, len(x))
		for i, item := range x {
			key := "[" + strconv.Itoa(i) + "]"
			if m, ok := item.(map[string]any); ok {
				if name, ok := m["name"].(string); ok {
					key = "[" + name + "]"
				}
			}
			if _, twice := out[key]; twice {
				key = fmt.Sprintf("[%d]", i)
			}
			out[key] = item
		}
		return out
	}
	return nil
}

func keysOf(a, b map[string]any) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(x) == 0
	case []any:
		return len(x) == 0
	}
	return false
}

// sameValue compares two values of a field. Below requests and limits they are
// quantities.
func sameValue(path []string, a, b any) bool {
	if reflect.DeepEqual(a, b) || plain(a) == plain(b) && a != nil && b != nil {
		return true
	}
	if len(path) < 2 || !slices.Contains([]string{"requests", "limits"}, path[len(path)-2]) || a == nil || b == nil {
		return false
	}
	x, errX := resource.ParseQuantity(plain(a))
	y, errY := resource.ParseQuantity(plain(b))
	return errX == nil && errY == nil && x.Cmp(y) == 0
}

func whyNotKept(w *walk, args []string) []string {
	now, ok1 := w.value(args[0])
	before, ok2 := w.value(args[1])
	but, ok3 := w.value(args[2])
	at := w.locate(args[0])
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	d, ok := changedField(now, before, stringsOf(but))
	if !ok || d == nil {
		return w.say("no-object", "Object", at.title())
	}
	w.note(at.subject)
	at.path = join(at.path, d.String())
	return w.say("not-kept", "What", at.title(), "Observed", show(d.now), "Before", show(d.before))
}
