//go:build !windows

package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// huge is how many Pods a cluster has that is larger than any of a lesson.
const huge = 5000

// TestHugeCluster: every object of a large cluster can be reached, and the
// screen draws no more of it than there is room for.
func TestHugeCluster(t *testing.T) {
	s := newScreen(t, "en", 120, 40, huge)
	s.press("ctrl+g", "c", "g")
	checkFrame(t, s.model)
	lines := len(s.cluster.snap.lines)
	if lines < huge {
		t.Fatalf("%d lines of %d Pods", lines, huge)
	}
	if want := fmt.Sprintf("%d/%d Pods", huge-1, huge); !strings.Contains(s.text(), want) {
		t.Errorf("the screen does not say %s:\n%s", want, s.text())
	}
	s.press("G")
	checkFrame(t, s.model)
	if s.chosenLine() == "" || !strings.Contains(s.text(), s.chosenLine()) {
		t.Errorf("the last object is not in sight:\n%s", s.text())
	}
	for range 20 {
		s.press("pgup")
	}
	checkFrame(t, s.model)
	// All but three go.
	s.view.objects[gvrPods] = s.view.objects[gvrPods][:3]
	s.send(clusterMsg(takeSnapshot(s.running)))
	checkFrame(t, s.model)
	if !strings.Contains(s.text(), "/3 Pods") || len(s.cluster.snap.lines) >= lines {
		t.Errorf("what has gone is still shown:\n%s", s.text())
	}
}

// BenchmarkHugeFrame is Update and View at 200×60 with five thousand Pods that
// all change; BenchmarkHugeTree is the command that draws up their tree.
func BenchmarkHugeFrame(b *testing.B) {
	s := newScreen(b, "en", 200, 60, huge)
	now := began
	s.now = func() time.Time { return now }
	s.press("ctrl+g", "c", "pgdown")
	snaps := [2]snapshot{takeSnapshot(s.running)}
	for i, p := range s.view.objects[gvrPods] {
		s.view.objects[gvrPods][i] = pod(p.GetName(), "ReplicaSet/go-api-65577fc4f9", "10.244.0.9", "CrashLoopBackOff")
	}
	snaps[1] = takeSnapshot(s.running)
	i, began := 0, processorTime(b)
	for b.Loop() {
		now = now.Add(50 * time.Millisecond)
		s.Update(clusterMsg(snaps[i%2]))
		_ = s.View()
		i++
	}
	reportProcessor(b, began)
}

func BenchmarkHugeTree(b *testing.B) {
	s := newScreen(b, "en", 200, 60, huge)
	began := processorTime(b)
	for b.Loop() {
		_ = takeSnapshot(s.running)
	}
	reportProcessor(b, began)
}
