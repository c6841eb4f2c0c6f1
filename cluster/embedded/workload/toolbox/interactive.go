package toolbox

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"sort"
	"strings"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/syntax"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload/tty"
)

// interruptKey stands for Ctrl-C on its way through the line editor, which
// would take the real one for the end of input. It is a private use character
// that no keyboard sends.
const interruptKey = '\ue003'

// editor reads lines from a terminal with editing, history and completion.
type editor struct {
	ctx         context.Context
	tty         *tty.Terminal
	term        *term.Terminal
	interrupted bool   // the line was given up with Ctrl-C
	queue       []byte // bytes of interruptKey still to be read
	lastCR      bool   // a "\n" that follows belongs to it
	complete    func(line string, pos int) (string, int, []string)
}

func newEditor(ctx context.Context, t *tty.Terminal) *editor {
	e := &editor{ctx: ctx, tty: t}
	e.term = term.NewTerminal(e, "")
	e.term.AutoCompleteCallback = e.key
	return e
}

// Read gives the editor one byte at a time, so that what is typed ahead stays
// for the command that the line starts.
func (e *editor) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(e.queue) == 0 {
		var b [1]byte
		n, err := e.tty.ReadContext(e.ctx, b[:])
		if n == 0 {
			return 0, err
		}
		if b[0] == '\n' && e.lastCR {
			e.lastCR = false
			return e.Read(p)
		}
		e.lastCR = b[0] == '\r'
		if b[0] == 0x03 {
			e.queue = []byte(string(interruptKey) + "\r")
		} else {
			e.queue = []byte{b[0]}
		}
	}
	p[0] = e.queue[0]
	e.queue = e.queue[1:]
	return 1, nil
}

// Write sends what the editor draws to the screen.
func (e *editor) Write(p []byte) (int, error) { return e.tty.Write(p) }

func (e *editor) key(line string, pos int, key rune) (string, int, bool) {
	switch key {
	case interruptKey:
		e.interrupted = true
		line += "^C"
		return line, len(line), true
	case '\t':
		if e.complete == nil {
			return "", 0, false
		}
		newLine, newPos, choices := e.complete(line, pos)
		if len(choices) > 1 && newLine == line {
			// The screen being gone shows at the next read.
			_, _ = io.WriteString(e.term, strings.Join(choices, "  ")+"\n")
		}
		return newLine, newPos, true
	}
	return "", 0, false
}

// errInterrupted means that the line was given up with Ctrl-C.
var errInterrupted = errors.New("interrupted")

func (e *editor) readLine(prompt string) (string, error) {
	e.interrupted = false
	e.term.SetPrompt(prompt)
	e.tty.SetRaw(true)
	line, err := e.term.ReadLine()
	e.tty.SetRaw(false)
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	if e.interrupted {
		return "", errInterrupted
	}
	return line, err
}

// history keeps the lines that are worth repeating.
type history struct{ lines []string }

const maxHistory = 500

func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || strings.HasSuffix(line, "^C") || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > maxHistory {
		h.lines = h.lines[1:]
	}
}

func (h *history) Len() int        { return len(h.lines) }
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// interact is the shell at a terminal.
func (s *shell) interact() int {
	e := newEditor(s.ctx, s.c.box.term)
	e.term.History = &history{}
	e.complete = s.complete
	s.c.box.group.Go(func() { s.followSize(e) })
	code := exitOK
	var text strings.Builder
	release := context.CancelFunc(func() {})
	defer func() { release() }()
	for {
		prompt := s.prompt()
		if text.Len() > 0 {
			prompt = "> "
		}
		release()
		// Ctrl-C must find the line's context from the moment it is entered.
		ctx, cancel := context.WithCancel(s.ctx)
		release = cancel
		s.c.box.onInterrupt(cancel)
		line, err := e.readLine(prompt)
		switch {
		case s.ctx.Err() != nil:
			return exitKilled
		case errors.Is(err, errInterrupted):
			text.Reset()
			code = exitInterrupted
			continue
		case err != nil:
			s.c.errorf("")
			return s.exitTrap(code)
		}
		text.WriteString(line + "\n")
		stmts, err := s.parse(text.String())
		if err != nil && syntax.IsIncomplete(err) {
			continue
		}
		text.Reset()
		if err != nil {
			s.complain(err)
			code = exitUsage
			continue
		}
		if len(stmts) == 0 {
			continue
		}
		var exited bool
		if code, exited = s.foreground(ctx, stmts); exited {
			return code
		}
		if hasBackground(stmts) {
			release = func() {} // its jobs go on
		}
		if s.ctx.Err() != nil {
			return exitKilled
		}
	}
}

// foreground runs a line of statements which Ctrl-C interrupts by cancelling
// ctx.
func (s *shell) foreground(ctx context.Context, stmts []*syntax.Stmt) (code int, exited bool) {
	code, exited = s.runLine(ctx, stmts)
	s.c.box.onInterrupt(func() {})
	if ctx.Err() != nil && s.ctx.Err() == nil {
		s.c.errorf("") // the cursor stands after ^C
		code, _ = s.runNode(s.ctx, interruptedStatus())
	}
	return code, exited
}

// interruptedStatus sets $? as Ctrl-C does: (exit 130).
func interruptedStatus() *syntax.Stmt {
	word := func(text string) *syntax.Word {
		return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: text}}}
	}
	exit := &syntax.CallExpr{Args: []*syntax.Word{word("exit"), word("130")}}
	return &syntax.Stmt{Cmd: &syntax.Subshell{Stmts: []*syntax.Stmt{{Cmd: exit}}}}
}

func hasBackground(stmts []*syntax.Stmt) bool {
	found := false
	for _, st := range stmts {
		syntax.Walk(st, func(n syntax.Node) bool {
			if st, ok := n.(*syntax.Stmt); ok && st.Background {
				found = true
			}
			return !found
		})
	}
	return found
}

// prompt is "/tmp # ", with ~ for the home folder.
func (s *shell) prompt() string {
	dir := s.runner.Dir
	if dir == s.runner.Env.Get("HOME").String() && dir != "/" {
		dir = "~"
	}
	return dir + " # "
}

// minColumns is the narrowest screen that is believed.
const minColumns = 10

func (s *shell) followSize(e *editor) {
	for {
		select {
		case size, ok := <-s.c.box.p.Resize:
			if !ok {
				return
			}
			// kubectl attach sends 1×1 for a terminal that has no size: the
			// editor then keeps what it has.
			if size.Columns >= minColumns && size.Rows > 0 {
				_ = e.term.SetSize(int(size.Columns), int(size.Rows)) // fails with the screen gone, which the next read reports
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// complete completes the word before the cursor: a command if it is the first,
// a file otherwise.
func (s *shell) complete(line string, pos int) (newLine string, newPos int, choices []string) {
	head := line[:pos]
	start := strings.LastIndexAny(head, " \t;|&<>('\"") + 1
	word := head[start:]
	first := strings.TrimSpace(strings.TrimRight(head[:start], " \t")) == "" || strings.ContainsAny(lastNonSpace(head[:start]), ";|&(")
	if first && !strings.Contains(word, "/") {
		choices = s.completeCommand(word)
	} else {
		choices = s.completeFile(word)
	}
	if len(choices) == 0 {
		return line, pos, nil
	}
	common := choices[0]
	for _, c := range choices[1:] {
		for !strings.HasPrefix(c, common) {
			common = common[:len(common)-1]
		}
	}
	dir := word[:strings.LastIndexByte(word, '/')+1]
	if first && !strings.Contains(word, "/") {
		dir = ""
	}
	full := dir + common
	if len(choices) == 1 && !strings.HasSuffix(full, "/") {
		full += " "
	}
	if len(full) <= len(word) {
		return line, pos, choices
	}
	return head[:start] + full + line[pos:], start + len(full), choices
}

func lastNonSpace(s string) string {
	s = strings.TrimRight(s, " \t")
	if s == "" {
		return ""
	}
	return s[len(s)-1:]
}

func (s *shell) completeCommand(prefix string) []string {
	names := append(s.c.box.tools.Commands(), "cd", "exit", "export", "unset", "alias", "type", "wait", "jobs")
	s.mu.Lock()
	for f := range s.functions {
		names = append(names, f)
	}
	s.mu.Unlock()
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) })
	sort.Strings(names)
	return slices.Compact(names)
}

func (s *shell) completeFile(word string) []string {
	dir, prefix := path.Split(word)
	entries, err := s.c.box.p.FS.ReadDir(absolute(s.runner.Dir, dir))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, ".") && !strings.HasPrefix(prefix, ".") {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
