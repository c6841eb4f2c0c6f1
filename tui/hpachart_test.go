package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var chartStart = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

// storyOfLoad is a chart of load that came and went.
func storyOfLoad() *hpaChart {
	c := &hpaChart{}
	for _, s := range []struct{ at, current, replicas, desired int }{
		{0, -1, 2, 0},
		{10, 5, 2, 2},
		{30, 135, 2, 5},
		{35, 135, 5, 5},
		{45, 70, 5, 5},
		{60, 5, 5, 5},
		{75, 5, 5, 2},
		{76, 5, 2, 2},
		{90, 6, 2, 2},
	} {
		c.take(&hpaSample{
			name: "go-api", uid: "1", current: s.current, target: 50, replicas: s.replicas, desired: s.desired, min: 2, max: 5,
		}, chartStart.Add(time.Duration(s.at)*time.Second))
	}
	return c
}

func plainChart(t *testing.T, c *hpaChart, r rect) []string {
	t.Helper()
	lines := c.lines(r, newStyles(true, depthFull))
	for i, l := range lines {
		if w := ansi.StringWidth(l); w != r.w {
			t.Errorf("line %d is %d columns wide, wanted %d: %q", i, w, r.w, ansi.Strip(l))
		}
		lines[i] = strings.TrimRight(ansi.Strip(l), " ")
	}
	return lines
}

func TestHPAChart(t *testing.T) {
	tests := []struct {
		name    string
		chart   *hpaChart
		size    rect
		charset Charset
		want    string
	}{
		{"tall", storyOfLoad(), rect{w: 60, h: 30}, CharsetUTF8, `
hpa/go-api  cpu 6%/50%  pods 2 ─────────────────────────────
cpu 135%┤                   ███████
        ┤    ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄███████▄▄▄▄▄▄▄▄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
      0%┤         ▁▁▁▁▁▁▁▁▁▁███████████████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
   max 5┤                     █████████████████████
   min 2┤    ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆█████████████████████▆▆▆▆▆▆▆▆
         -1m                                             0s`},
		{"low", storyOfLoad(), rect{w: 40, h: 15}, CharsetUTF8, `
hpa/go-api  cpu 6%/50%  pods 2 ─────────
cpu 135%┤  ▁▁▁▁▁▁▁█████▄▄▄▄▄▁▁▁▁▁▁▁▁▁▁▁
   max 5┤▃▃▃▃▃▃▃▃▃▃██████████████▃▃▃▃▃▃`},
		{"no room", storyOfLoad(), rect{w: 40, h: 12}, CharsetUTF8, ``},
		{"too narrow", storyOfLoad(), rect{w: 20, h: 30}, CharsetUTF8, ``},
		{"ASCII", storyOfLoad(), rect{w: 60, h: 30}, CharsetASCII, `
hpa/go-api  cpu 6%/50%  pods 2 -----------------------------
cpu 135%+                   #######
        +    ---------------#######========----------------
      0%+         __________###############________________
   max 5+                     #####################
   min 2+    *****************#####################********
         -1m                                             0s`},
		{"no HPA", &hpaChart{}, rect{w: 60, h: 30}, CharsetUTF8, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := plainChart(t, tt.chart, tt.size)
			for i := range lines {
				lines[i] = tt.charset.convert(lines[i])
			}
			got := ""
			for _, l := range lines {
				got += "\n" + l
			}
			if got != tt.want {
				t.Errorf("got:%s\nwant:%s", got, tt.want)
			}
		})
	}
}

func TestHPAChartKeepsWhatMatters(t *testing.T) {
	c := &hpaChart{}
	s := hpaSample{name: "a", uid: "1", current: 5, target: 50, replicas: 2, desired: 2, min: 2, max: 5}
	for i := range 100 {
		same := s
		c.take(&same, chartStart.Add(time.Duration(i)*time.Second))
	}
	if len(c.samples) != 1 {
		t.Errorf("%d samples of an HPA that says the same", len(c.samples))
	}
	for i := range 3 * maxSamples {
		next := s
		next.current = i
		c.take(&next, chartStart.Add(time.Duration(i)*time.Second))
	}
	if n := len(c.samples); n > maxSamples || c.samples[n-1].current != 3*maxSamples-1 {
		t.Errorf("%d samples, the last %+v", n, c.samples[n-1])
	}
	other := s
	other.uid = "2"
	c.take(&other, chartStart)
	if len(c.samples) != 1 {
		t.Errorf("%d samples of a new HPA", len(c.samples))
	}
	c.take(nil, chartStart)
	if got := c.lines(rect{w: 60, h: 30}, newStyles(true, depthFull)); got != nil {
		t.Errorf("a chart of no HPA: %q", got)
	}
}

// TestHPAChartAnyWidth draws every size, and every value that an HPA can say.
func TestHPAChartAnyWidth(t *testing.T) {
	c := storyOfLoad()
	for _, odd := range []hpaSample{
		{name: strings.Repeat("long-", 20), uid: "1", current: 123456, target: 1, replicas: 500, desired: 1000, min: 1, max: 1000},
		{name: "go-api", uid: "1", current: 5, target: -1, replicas: 0, desired: 0, min: 1, max: 0},
	} {
		c.take(&odd, chartStart.Add(time.Hour))
		for w := range 130 {
			for h := range 25 {
				plainChart(t, c, rect{w: w, h: h})
			}
		}
	}
}

func TestHPAStateOf(t *testing.T) {
	hpa := func(namespace, name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"namespace": namespace, "name": name, "uid": name},
			"spec": map[string]any{"minReplicas": int64(2), "maxReplicas": int64(5), "metrics": []any{
				map[string]any{"type": "Resource", "resource": map[string]any{"name": "cpu", "target": map[string]any{"averageUtilization": int64(50)}}},
			}},
			"status": map[string]any{"currentReplicas": int64(3), "desiredReplicas": int64(4), "currentMetrics": []any{
				map[string]any{"type": ""}, // as it is while there is no figure
				map[string]any{"type": "Resource", "resource": map[string]any{"name": "cpu", "current": map[string]any{"averageUtilization": int64(71)}}},
			}},
		}}
	}
	got := hpaStateOf([]*unstructured.Unstructured{hpa("x", "b"), hpa("y", "a"), hpa("x", "c")}, "x")
	want := hpaSample{name: "b", uid: "b", current: 71, target: 50, replicas: 3, desired: 4, min: 2, max: 5}
	if got == nil || *got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	fresh := hpa("x", "b")
	delete(fresh.Object, "status")
	if got := hpaStateOf([]*unstructured.Unstructured{fresh}, "x"); got == nil || got.current != -1 || got.replicas != 0 {
		t.Errorf("an HPA that has said nothing: %+v", got)
	}
	if got := hpaStateOf([]*unstructured.Unstructured{hpa("y", "a")}, "x"); got != nil {
		t.Errorf("an HPA of another namespace: %+v", got)
	}
}
