package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
)

// plainTalk is a conversation under test.
type plainTalk struct {
	t       *testing.T
	session *fakeSession
	in      *io.PipeWriter
	ran     chan string
	result  chan error
	stop    context.CancelFunc

	mu   sync.Mutex
	out  bytes.Buffer
	read int
	more chan struct{}
}

func (p *plainTalk) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.out.Write(b)
	select {
	case p.more <- struct{}{}:
	default:
	}
	return n, err
}

func startPlain(t *testing.T, lang string) *plainTalk {
	t.Helper()
	p := &plainTalk{t: t, session: newFakeSession(), ran: make(chan string, 1), result: make(chan error, 1), more: make(chan struct{}, 1)}
	var in *io.PipeReader
	in, p.in = io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	go func() {
		p.result <- RunPlain(ctx, Options{
			Lang: lang,
			Start: func(_ context.Context, report cluster.Progress) (*Running, error) {
				report(cluster.Phase{ID: "node", Title: "Starting the node"})
				report(cluster.Phase{ID: "node", Title: "Starting the node", Done: true})
				report(cluster.Phase{ID: "kind-x", Title: "As kind says", Done: true})
				return &Running{Title: "Service", Session: p.session, Close: func() {}}, nil
			},
		}, Plain{
			In: in, Cancel: func() { in.CloseWithError(io.EOF) }, Out: p, Ask: true,
			Run: func(ctx context.Context, _ *Running, line string) error {
				p.ran <- line
				if line == "wait" {
					<-ctx.Done()
				}
				if line == "broken" {
					return errors.New("no such shell")
				}
				return nil
			},
		})
	}()
	return p
}

// wants waits until text is in what was said since the last call.
func (p *plainTalk) wants(text string) {
	p.t.Helper()
	for {
		p.mu.Lock()
		said := p.out.String()[p.read:]
		if i := strings.Index(said, text); i >= 0 {
			p.read += i + len(text)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		select {
		case <-p.more:
		case err := <-p.result:
			p.t.Fatalf("ended with %v, after saying\n%s\nwanted %q", err, said, text)
		case <-p.t.Context().Done():
			p.t.Fatalf("said\n%s\nwanted %q", said, text)
		}
	}
}

func (p *plainTalk) types(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func TestPlainLesson(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := startPlain(t, "en")
	p.wants("Starting the node: 0.0 s\n")
	p.wants("As kind says: 0.0 s\n")
	u := update("en")
	p.session.updates <- lessons.Update{Lesson: u.Lesson, Step: u.Step, Entry: u.Entry, State: lessons.StateSetup}
	p.wants("preparing the step …\n")
	p.session.updates <- u
	p.wants("Service, step 3 of 7: The Pods move, the address stays\n")
	p.wants("that are ready: its endpoints.\n") // no marks
	p.wants("     10.96.252.198:80\n")          // a picture, set in
	p.wants("CHECKS 1 of 3\n  done: The Service selects app=go-api\n  on its way: Three endpoints are ready\n      have 2:")
	p.wants("k8stutor> ")

	// A tick comes by itself, below the prompt, and says only what is new.
	u.Outcome.Checks = append([]lessons.CheckResult{}, u.Outcome.Checks...)
	u.Outcome.Checks[1].Verdict, u.Outcome.Checks[1].Why = lessons.Met, nil
	p.session.updates <- u
	p.wants("\n  done: Three endpoints are ready\nk8stutor> ")

	p.types("hint")
	if got := <-p.session.asked; got != "hint" {
		t.Fatalf("asked for %q", got)
	}
	u.Hints = 1
	p.session.updates <- u
	p.wants("Hint 1 of 2:\nWhich object,")

	p.types("kubectl get pods -o wide")
	if got := <-p.ran; got != "kubectl get pods -o wide" {
		t.Fatalf("ran %q", got)
	}
	p.wants("k8stutor> ")
	p.types("broken")
	<-p.ran
	p.wants("no such shell\n")

	p.types("next")
	p.wants("This step is not done. Skip it? (y/N)\n")
	p.types("n")
	p.types("next")
	p.wants("(y/N)\n")
	p.types("y")
	if got := <-p.session.asked; got != "next" {
		t.Fatalf("asked for %q", got)
	}

	u.Outcome.Met = true
	u.Text.Debrief = "It **was** so."
	p.session.updates <- u
	p.wants("What happened:\nIt was so.\n\nStep done. Type next for the next one.\n")
	p.types("next")
	if got := <-p.session.asked; got != "next" {
		t.Fatalf("asked for %q", got)
	}
	p.types("quit")
	if err := <-p.result; err != nil {
		t.Fatal(err)
	}
}

func TestPlainQuestion(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := startPlain(t, "zh-TW")
	u := update("zh-TW")
	u.Outcome.Checks = append(u.Outcome.Checks, lessons.CheckResult{
		ID: "which", Title: "哪一種", Verdict: lessons.Unmet, Question: "哪一種 Service？", Options: []string{"ClusterIP", "NodePort"},
	})
	p.session.updates <- u
	p.wants("啟動節點: 0.0 s\n")
	p.wants("問題：哪一種 Service？\n  1. ClusterIP\n  2. NodePort\n")
	p.wants("k8stutor> ")
	p.types("answer 2")
	if got := <-p.session.asked; got != "answer which=NodePort" {
		t.Fatalf("asked for %q", got)
	}
	p.wants("你的答案：NodePort\n")
	u.Outcome.Checks = append([]lessons.CheckResult{}, u.Outcome.Checks...)
	u.Outcome.Checks[3].Why = []string{"不是 NodePort"}
	p.session.updates <- u
	p.wants("  尚未: 哪一種\n      不是 NodePort\n")
	if err := p.in.Close(); err != nil { // Ctrl-D
		t.Fatal(err)
	}
	if err := <-p.result; err != nil {
		t.Fatal(err)
	}
}

// TestPlainCases: case draws another one, asks when the present one is open, and
// is left to the shell where it is the shell's word.
func TestPlainCases(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := startPlain(t, "en")
	u := update("en")
	u.Seed = 7
	p.session.updates <- u
	p.wants("k8stutor> ")
	p.types("case")
	p.wants("Case 7 is not solved. Draw another one? (y/N)")
	p.types("y")
	if got := <-p.session.asked; got != "draw endpoints 0" {
		t.Fatalf("asked for %q", got)
	}
	u = met("en")
	u.Seed = 7
	p.session.updates <- u
	p.wants("Type case for another case")
	p.types("case 42")
	if got := <-p.session.asked; got != "draw endpoints 42" {
		t.Fatalf("asked for %q", got)
	}
	p.types("case $x in y) ;; esac")
	if got := <-p.ran; got != "case $x in y) ;; esac" {
		t.Fatalf("the shell got %q", got)
	}
	p.types("quit")
	if err := <-p.result; err != nil {
		t.Fatal(err)
	}
}

// A signal ends the conversation and the command that runs in it.
func TestPlainCancelled(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := startPlain(t, "en")
	p.session.updates <- update("en")
	p.wants("k8stutor> ")
	p.types("wait")
	<-p.ran
	p.stop()
	if err := <-p.result; err != nil {
		t.Fatal(err)
	}
}

func TestPlainStartFailed(t *testing.T) {
	defer goleak.VerifyNone(t)
	want := errors.New("no cluster")
	err := RunPlain(t.Context(), Options{Start: func(context.Context, cluster.Progress) (*Running, error) { return nil, want }}, Plain{Out: io.Discard})
	if !errors.Is(err, want) {
		t.Fatal(err)
	}
}
