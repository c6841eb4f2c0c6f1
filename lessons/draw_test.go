package lessons

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(seconds float64) time.Time {
	return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// wantDrawing compares a drawing with the lines of want, and its width.
func wantDrawing(t *testing.T, got, want string) {
	t.Helper()
	want = strings.Trim(strings.ReplaceAll(want, "\n\t\t", "\n"), "\n\t")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("drawing differs (-want +got):\n%s\n%s", diff, got)
	}
	for line := range strings.SplitSeq(got, "\n") {
		if columnsOf(line) > drawWidth {
			t.Errorf("%q is %d columns wide, wanted at most %d", line, columnsOf(line), drawWidth)
		}
	}
}

func TestTimeline(t *testing.T) {
	wantDrawing(t, drawTimeline([]moment{
		{at(4.2), "go-api-65577fc4f9-k9f9p", "Terminating"},
		{at(4.1), "go-api-7d9f8c6b5-x2x1q", "Ready"},
		{at(130), "go-api-65577fc4f9-k9f9p", "Deleted"},
	}, at(0)), `
		+4.1 s  go-api-7d9f8c6b5-x2x1q   Ready
		+4.2 s  go-api-65577fc4f9-k9f9p  Terminating
		+2m10s  go-api-65577fc4f9-k9f9p  Deleted`)
}

func TestTimelineLeavesOutTheMiddle(t *testing.T) {
	var moments []moment
	for i := range 40 {
		moments = append(moments, moment{at(float64(i)), "", "x"})
	}
	lines := strings.Split(drawTimeline(moments, at(0)), "\n")
	if len(lines) != maxTimeline || !strings.Contains(strings.Join(lines, "\n"), "(23)") ||
		lines[0] != " +0.0 s  x" || lines[maxTimeline-1] != "+39.0 s  x" {
		t.Errorf("got %d lines:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

func TestBarsShowDoubling(t *testing.T) {
	wantDrawing(t, drawBars([]bar{{"1→2", "10.0 s", 10}, {"2→3", "20.0 s", 20}, {"3→4", "40.0 s", 40}, {"等", "0.1 s", 0.1}, {"0", "0", 0}}), `
		1→2  10.0 s  ███████▊
		2→3  20.0 s  ███████████████▌
		3→4  40.0 s  ███████████████████████████████
		等    0.1 s  ▏
		0         0`)
}

func TestPlot(t *testing.T) {
	wantDrawing(t, drawPlot([]point{{at(0), 1}, {at(10), 3}, {at(30), 1}}, at(41)), `
		3 │          ████████████████████
		2 │          ████████████████████
		1 │█████████████████████████████████████████
		  └─────────────────────────────────────────
		   0 s                                41.0 s`)
	wantDrawing(t, drawPlot([]point{{at(0), 10}, {at(20), 60}}, at(200)), `
		60 │    ████████████████████████████████████
		50 │    ████████████████████████████████████
		40 │    ████████████████████████████████████
		30 │    ████████████████████████████████████
		20 │    ████████████████████████████████████
		10 │████████████████████████████████████████
		   └────────────────────────────────────────
		    0 s                                3m20s`)
}

func TestTraffic(t *testing.T) {
	var probes []probeMark
	add := func(from, to float64, version string) {
		for s := from; s < to; s += 0.1 {
			probes = append(probes, probeMark{at(s), version, version != ""})
		}
	}
	add(0, 60, "0.0.1")
	add(60, 64, "")
	add(64, 120, "0.0.2")
	from, to := chartRange(probes)
	if d := to.Sub(from); d < 7900*time.Millisecond || d > 8100*time.Millisecond {
		t.Errorf("%s of 120 s are shown, wanted the 4 s without answers and 2 s on both sides", d)
	}
	wantDrawing(t, drawTraffic(probes, from, to, "lost"), `
		0.0.1 │█████████
		0.0.2 │                            █████████
		lost  │         ×××××××××××××××××××
		      └─────────────────────────────────────
		       0 s                             7.9 s`)
	if got := drawTraffic(nil, from, to, "lost"); got != "" {
		t.Errorf("without requests %q is drawn", got)
	}
	if from, to := chartRange(probes[:100]); !from.Equal(probes[0].at) || !to.Equal(probes[99].at) {
		t.Errorf("without a change %s to %s is shown, wanted all", from, to)
	}
}

func TestTree(t *testing.T) {
	wantDrawing(t, drawTree("deployment/web", []branch{
		{text: "rs/web-1", under: []branch{{text: "pod a"}, {text: "pod b"}}}, {text: "rs/web-2", under: []branch{{text: "pod c"}}},
	}), `
		deployment/web
		  ├─ rs/web-1
		  │  ├─ pod a
		  │  └─ pod b
		  └─ rs/web-2
		     └─ pod c`)
	wantDrawing(t, drawTree("service/web", nil), "service/web\n  └─ <none>")
}

func TestTableAndWidths(t *testing.T) {
	wantDrawing(t, drawTable([][]string{{"映像檔", "1"}, {"ab", "22", "c"}}), `
		映像檔  1
		ab      22  c`)
	if got := columnsOf("é…─█"); got != 4 {
		t.Errorf("columnsOf gives %d, wanted 4", got)
	}
}

func TestFillPutsDrawingsWhereTheyFit(t *testing.T) {
	live := func(name string) (string, bool) {
		v, ok := map[string]string{"pic": "a\n  b", "ip": "10.0.0.1", "seed": "7", "namespace": "ns"}[name]
		return v, ok
	}
	for name, c := range map[string]struct{ text, want string }{
		"alone in prose": {"x\n\n{{ live \"pic\" }}\n\ny", "x\n\n```\na\n  b\n```\n\ny"},
		"in a sentence":  {"It is {{ live \"pic\" }}.", "It is a   b."},
		"in a block":     {"```\nyou ─▶ {{ live \"pic\" }} |\n```", "```\nyou ─▶ a\n         b |\n```"},
		"two in a line":  {"```\n{{ live \"pic\" }} {{ live \"pic\" }}\n```", "```\na\n  b a\n      b\n```"},
		"padded":         {"│{{ live \"ip\" 10 }}│{{ live \"no\" 3 }}│", "│10.0.0.1  │…  │"},
		"built in":       {"{{ namespace }} {{seed}}", "ns 7"},
		"other":          {"{{ .x }} {{ namespace }}", "{{ .x }} ns"},
	} {
		if got := fill(c.text, live); got != c.want {
			t.Errorf("%s: %q, wanted %q", name, got, c.want)
		}
	}
}
