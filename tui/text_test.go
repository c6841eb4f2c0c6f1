package tui

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8stutor/k8stutor/lessons"
)

func TestWrap(t *testing.T) {
	tests := []struct {
		name   string
		in     string
		width  int
		indent string
		want   []string
	}{
		{"fits", "short", 10, "", []string{"short"}},
		{"words", "one two three", 8, "", []string{"one two", "three"}},
		{"a word that is too long", "abcdefghij", 4, "", []string{"abcd", "efgh", "ij"}},
		{"options stay whole", "kubectl get --watch", 14, "", []string{"kubectl get", "--watch"}},
		{"between CJK characters", "叢集裡的服務", 8, "", []string{"叢集裡的", "服務"}},
		{"a word beside CJK stays whole", "名單叫 Service 好", 10, "", []string{"名單叫", "Service 好"}},
		{"no closing mark at the head", "一二三，四", 6, "", []string{"一二", "三，四"}},
		{"no opening mark at the end", "一二「三」", 6, "", []string{"一二", "「三」"}},
		{"hanging", "1. one two three", 9, "   ", []string{"1. one", "   two", "   three"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wrap(tt.in, tt.width, tt.indent); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			styled := "\x1b[1m" + tt.in + "\x1b[m"
			for i, l := range wrap(styled, tt.width, tt.indent) {
				if ansi.Strip(l) != tt.want[i] || !strings.Contains(l, "\x1b[1m") || !strings.HasSuffix(l, "\x1b[m") {
					t.Errorf("styled line %d: %q", i, l)
				}
			}
		})
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("one 叢集 \x1b[31mred\x1b[m，「text」", 7)
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = 2 + max(width, -width)%50
		s = oneLine(s)
		if !ansiSafe(s) {
			t.Skip("characters whose width depends on their neighbours")
		}
		letters := func(s string) string { return strings.ReplaceAll(ansi.Strip(s), " ", "") }
		all := ""
		for _, l := range wrap(s, width, "") {
			if ansi.StringWidth(l) > width {
				t.Errorf("a line of %d in %d columns: %q", ansi.StringWidth(l), width, l)
			}
			all += letters(l)
		}
		if all != letters(s) {
			t.Errorf("%q became %q", s, all)
		}
	})
}

func ansiSafe(s string) bool {
	for _, r := range s {
		if r >= 0x300 && (r < 0x4e00 || r > 0x9fff) {
			return false
		}
	}
	return true
}

func TestMarkdown(t *testing.T) {
	md, err := newMarkdown(newStyles(true, depthFull))
	if err != nil {
		t.Fatal(err)
	}
	text := "# Title\n\nText with `code` and **bold**.\n\n```\nkubectl get pods --all-namespaces --watch\n  indented\n```\n\n- one\n- two that is long enough to wrap\n\n> a quote"
	got := plain(md.render(text, 30).lines)
	want := `Title

Text with code and bold.

▏ kubectl get pods --all-names
▏ paces --watch
▏   indented

• one
• two that is long enough to
  wrap

│ a quote
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLessonTextsFit: the real lessons have no line that the pane must cut.
func TestLessonTextsFit(t *testing.T) {
	lesson, err := lessons.Load(os.DirFS("../lessons/content"), "service")
	if err != nil {
		t.Fatal(err)
	}
	md, err := newMarkdown(newStyles(true, depthFull))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range lesson.Steps {
		for _, lang := range lessons.Languages() {
			text := step.Text(lang, nil)
			for _, part := range append(slices.Clone(text.Hints), text.Body, text.Debrief) {
				for _, l := range md.render(part, 52).lines {
					if w := ansi.StringWidth(l); w > 52 {
						t.Errorf("%s %s: a line of %d columns: %q", step.ID, lang, w, ansi.Strip(l))
					}
				}
			}
		}
	}
}

// TestMessages: the languages have the same messages with the same values, and
// the code uses no other.
func TestMessages(t *testing.T) {
	all := map[string]map[string]string{}
	for _, lang := range lessons.Languages() {
		data, err := locales.ReadFile("locales/active." + lang + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		messages := map[string]string{}
		if err := yaml.Unmarshal(data, &messages); err != nil {
			t.Fatal(err)
		}
		all[lang] = messages
	}
	value := regexp.MustCompile(`{{[^}]*}}`)
	values := func(s string) []string {
		found := value.FindAllString(s, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for lang, messages := range all {
		for id, text := range all["en"] {
			if messages[id] == "" {
				t.Errorf("%s lacks %s", lang, id)
			} else if !slices.Equal(values(text), values(messages[id])) {
				t.Errorf("%s: %s has the values %v, English %v", lang, id, values(messages[id]), values(text))
			}
		}
		if len(messages) != len(all["en"]) {
			t.Errorf("%s has %d messages, English %d", lang, len(messages), len(all["en"]))
		}
	}
	used := regexp.MustCompile(`"(pane_\w+|verdict_\w+|help_\w+|map_key_\w+)"|say\("(\w+)"|ask\("(\w+)"`)
	hinted := regexp.MustCompile(`(?s)hints\(scope\w+(.*?)\)(?:, false)?\n`)
	named := regexp.MustCompile(`(?m)^\t(act\w+) +action += "(.*?)"`)
	names, shown := map[string]string{}, "actHelp"
	hints := regexp.MustCompile(`(?:key|fitting)Hints\((.*)\)`)
	quoted := regexp.MustCompile(`"(\w+)"`)
	seen := map[string]bool{}
	for _, file := range sources(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range used.FindAllStringSubmatch(string(data), -1) {
			seen[m[1]+m[2]+m[3]] = true
		}
		for _, m := range named.FindAllStringSubmatch(string(data), -1) {
			names[m[1]] = m[2]
		}
		for _, m := range hinted.FindAllStringSubmatch(string(data), -1) {
			shown += m[1]
		}
		for _, m := range hints.FindAllStringSubmatch(string(data), -1) {
			for _, q := range quoted.FindAllStringSubmatch(m[1], -1) {
				if all["en"]["key_"+q[1]] != "" { // the others are keys
					seen["key_"+q[1]] = true
				}
			}
		}
	}
	delete(seen, "key_")
	delete(seen, "arranged_") // completed below
	for _, name := range regexp.MustCompile(`act\w+`).FindAllString(shown, -1) {
		seen["key_"+names[name]] = true
	}
	for a := arrangeSide; a <= arrangeTabs; a++ {
		seen["arranged_"+a.String()] = true
	}
	for id := range seen {
		if all["en"][id] == "" {
			t.Errorf("the code says %q, which no language has", id)
		}
	}
	for id := range all["en"] {
		// Phases are named by their providers: see phaseTitle.
		if !seen[id] && !strings.HasPrefix(id, "phase_") {
			t.Errorf("message %q is not used", id)
		}
	}
}

func sources(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
}

// TestNoIO: the model and its panes can't do I/O, because they import nothing
// that does. What they need from outside comes as an interface or a channel;
// run.go, which is no part of the model, handles signals.
func TestNoIO(t *testing.T) {
	allowed := []string{
		"bytes", "context", "embed", "errors", "fmt", "image/color", "io", "slices", "strconv", "strings", "sync", "sync/atomic", "time", "unicode", "unicode/utf8",
		"charm.land/bubbletea/v2", "charm.land/lipgloss/v2", "charm.land/glamour/v2", "charm.land/glamour/v2/ansi",
		"github.com/charmbracelet/colorprofile", "github.com/charmbracelet/ultraviolet", "github.com/charmbracelet/x/ansi", "github.com/lucasb-eyer/go-colorful",
		"golang.org/x/text/width",
		"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured", "k8s.io/apimachinery/pkg/runtime/schema", "k8s.io/apimachinery/pkg/types", "k8s.io/apimachinery/pkg/util/duration",
		"github.com/k8stutor/k8stutor/cluster", "github.com/k8stutor/k8stutor/cluster/space", "github.com/k8stutor/k8stutor/cluster/watch", "github.com/k8stutor/k8stutor/internal/messages", "github.com/k8stutor/k8stutor/lessons", "github.com/k8stutor/k8stutor/tui/term",
	}
	extra := map[string][]string{"run.go": {"os", "os/signal", "syscall", "golang.org/x/term"}, "run_unix.go": {"os", "os/signal", "syscall", "golang.org/x/sys/unix"}, "run_windows.go": {"os"}}
	for _, file := range sources(t) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			if !slices.Contains(allowed, path) && !slices.Contains(extra[file], path) {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}

func TestPodState(t *testing.T) {
	status := func(fields obj) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: obj{"spec": obj{"containers": []any{obj{}}}, "status": fields}}
	}
	container := func(ready bool, restarts int64, state obj) []any {
		return []any{obj{"ready": ready, "restartCount": restarts, "state": state}}
	}
	tests := []struct {
		name string
		pod  *unstructured.Unstructured
		mark mark
		note string
	}{
		{"pending", status(obj{"phase": "Pending"}), markWait, "0/1 Pending"},
		{"running", status(obj{"phase": "Running", "containerStatuses": container(true, 0, obj{"running": obj{}})}), markGood, "1/1 Running"},
		{"not ready", status(obj{"phase": "Running", "containerStatuses": container(false, 0, obj{"running": obj{}})}), markWait, "0/1 Running"},
		{"crash loop", status(obj{"phase": "Running", "containerStatuses": container(false, 4, obj{"waiting": obj{"reason": "CrashLoopBackOff"}})}), markBad, "0/1 CrashLoopBackOff ↻4"},
		{"bad image", status(obj{"phase": "Pending", "containerStatuses": container(false, 0, obj{"waiting": obj{"reason": "ErrImagePull"}})}), markBad, "0/1 ErrImagePull"},
		{"completed", status(obj{"phase": "Succeeded", "containerStatuses": container(false, 0, obj{"terminated": obj{"reason": "Completed"}})}), markOpen, "0/1 Completed"},
		{"evicted", status(obj{"phase": "Failed", "reason": "Evicted"}), markBad, "0/1 Evicted"},
		{"init", status(obj{"phase": "Pending", "initContainerStatuses": container(false, 0, obj{"running": obj{}})}), markWait, "0/1 Init:0/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if m, note := podState(tt.pod); m != tt.mark || note != tt.note {
				t.Errorf("%v %q, want %v %q", m, note, tt.mark, tt.note)
			}
		})
	}
	going := pod("a", "", "10.244.0.5", "")
	going.Object["metadata"].(obj)["deletionTimestamp"] = began.Format(time.RFC3339)
	if m, note := podState(going); m != markOpen || note != "1/1 Terminating" {
		t.Errorf("terminating: %v %q", m, note)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59*time.Minute + 59*time.Second: "59m",
		time.Hour: "1h", 24*time.Hour - time.Second: "23h", 47 * time.Hour: "1d", 72 * time.Hour: "3d",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%s) = %s, want %s", d, got, want)
		}
		// The tick comes when the text changes, and not before.
		if d >= 0 {
			next := d + untilChange(d)
			if age(next) == want || age(next-time.Millisecond) != want {
				t.Errorf("age(%s): untilChange says %s, but %s and %s", d, untilChange(d), age(next-time.Millisecond), age(next))
			}
		}
	}
}
