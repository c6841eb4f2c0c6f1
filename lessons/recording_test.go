package lessons

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRecordingsComeBackAsTheyWere(t *testing.T) {
	from := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	o := func(version string, more map[string]any) map[string]any {
		out := map[string]any{"kind": "Pod", "metadata": map[string]any{"name": "p", "namespace": "ns", "uid": "0a1b2c3d-0000-1111-2222-333344445555", "resourceVersion": version}, "n": int64(1)}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	one, two := o("1", map[string]any{"gone": "x", "status": map[string]any{"a": "1", "b": "2"}}), o("2", map[string]any{"status": map[string]any{"a": "3"}})
	last := o("3", map[string]any{"status": map[string]any{"a": "3"}})
	entries := []TraceEntry{
		{At: from, Change: &traceChange{Type: "SYNCED", Version: "v1", Resource: "pods", Namespace: "ns"}},
		{At: from.Add(time.Second), Change: &traceChange{Type: "ADDED", Version: "v1", Resource: "pods", New: one, Initial: true}},
		{At: from.Add(2 * time.Second), Begin: &Begin{Step: "s", Seed: 3, Marker: 7}},
		{At: from.Add(3 * time.Second), Change: &traceChange{Type: "MODIFIED", Version: "v1", Resource: "pods", Old: one, New: two}},
		{At: from.Add(4 * time.Second), Change: &traceChange{Type: "MODIFIED", Version: "v1", Resource: "pods", Old: two, New: two}},
		{At: from.Add(5 * time.Second), Answer: &Answered{"a", "b"}},
		{At: from.Add(5 * time.Second), Probe: &Probe{At: from, Status: 200, Version: "1"}},
		{At: from.Add(5 * time.Second)},
		{At: from.Add(6 * time.Second), Change: &traceChange{Type: "DELETED", Version: "v1", Resource: "pods", Old: last}},
	}
	all := []Recording{
		{Lesson: "l", Step: "s", Proof: "mutant", Name: "m", Namespace: "ns", Trace: entries},
		{Lesson: "l", Step: "s", Proof: "solution", Namespace: "ns", Trace: entries[:2]},
	}
	var file bytes.Buffer
	if err := WriteRecordings(&file, all); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRecordings(&file)
	if err != nil {
		t.Fatal(err)
	}
	// Ids are shortened, everywhere in the same way; their beginnings stay.
	for _, m := range []map[string]any{one, two, last} {
		m["metadata"].(map[string]any)["uid"] = "0a1b2c3d-1"
	}
	if diff := cmp.Diff(all, got, cmp.AllowUnexported(Recording{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("recordings differ (-want +got):\n%s", diff)
	}
	if _, err := ReadRecordings(bytes.NewReader([]byte("nothing"))); err == nil {
		t.Error("a damaged file was read")
	}
}
