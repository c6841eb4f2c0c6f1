package tui

import (
	"slices"
	"strings"
	"testing"
)

func TestCommandAt(t *testing.T) {
	tests := []struct {
		name  string
		block string
		want  []string
	}{
		{"one", "kubectl get pods", []string{"kubectl get pods"}},
		{"several", "kubectl get pods --watch\nkubectl describe pod metronome", []string{"kubectl get pods --watch", "kubectl describe pod metronome"}},
		{"a prompt", "$ env | grep GO_API\nGO_API=1", []string{"env | grep GO_API"}},
		{"goes on", "kubectl run report --image=go-api:0.0.1 \\\n  --restart=Never --env=FAIL=exit\nkubectl get pods", []string{
			"kubectl run report --image=go-api:0.0.1 --restart=Never --env=FAIL=exit", "kubectl get pods",
		}},
		{"open quotes", "kubectl patch svc a -p '{\n \"spec\": {}\n}'\nkubectl get svc", []string{"kubectl patch svc a -p '{\n \"spec\": {}\n}'", "kubectl get svc"}},
		{"a document", "kubectl apply -f - <<EOF\nkind: Pod\nEOF\nkubectl get pods", []string{"kubectl apply -f - <<EOF\nkind: Pod\nEOF", "kubectl get pods"}},
		{"a diagram", " 10.96.0.1:80\n   ├─▶ 10.244.0.5", nil},
		{"output", "NAME   READY\ngo-api 1/1\n 137   it was killed", nil},
		{"goes on at the end", "kubectl get \\", []string{"kubectl get \\"}},
		{"an apostrophe never closed", "echo it's", []string{"echo it's"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			lines := strings.Split(tt.block, "\n")
			for len(lines) > 0 {
				text, n := commandAt(lines)
				if text != "" {
					got = append(got, text)
				}
				lines = lines[n:]
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestInsertCommand: the command under the cursor goes to the shell without
// Enter, and to the clipboard; moving shows it.
func TestInsertCommand(t *testing.T) {
	s := newScreen(t, "en", 120, 24, 3)
	u := update("en")
	u.Text.Body = "First\n\n```\nkubectl get pods\n```\n\n" + strings.Repeat("Something between.\n\n", 30) + "```\nkubectl get services\n```\n"
	s.send(lessonMsg(u))
	s.frame()
	s.shell.term = nil
	msgs := runAll(s.press("ctrl+g", "y")...)
	if len(msgs) != 1 || !strings.Contains(s.text(), "Copied") {
		t.Errorf("copy: %v\n%s", msgs, s.text())
	}
	s.press("ctrl+g", ".")
	if !strings.Contains(s.text(), "▶ kubectl get pods") {
		t.Errorf("the chosen command has no mark:\n%s", s.text())
	}
	s.press("ctrl+g", "l", ".")
	if !strings.Contains(s.text(), "▶ kubectl get services") {
		t.Errorf("the next command is not in sight:\n%s", s.text())
	}
	checkFrame(t, s.model)
	c, _ := s.lesson.chosen()
	if c.text != "kubectl get services" {
		t.Errorf("chosen %q", c.text)
	}
	s.send(lessonMsg(update("en")))
	s.frame()
	s.press("esc", "ctrl+g", "i")
	if !strings.Contains(s.text(), "no command in this text") {
		t.Errorf("the screen:\n%s", s.text())
	}
}
