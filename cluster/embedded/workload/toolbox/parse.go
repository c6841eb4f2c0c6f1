package toolbox

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

var (
	// The interpreter would make a named pipe on the host.
	errProcessSubstitution = errors.New("process substitution <( ) is not available in k8stutor's shell")
	// The interpreter would look the user up on the host.
	errTilde = errors.New("~user is not available in k8stutor's shell inside ${ }")
)

// parse parses a script and makes it fit for the interpreter: what would reach
// the host is refused or rewritten. With an error that isn't about syntax the
// statements are returned too.
func (s *shell) parse(text string) ([]*syntax.Stmt, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, err
	}
	w := &rewriter{documents: map[*syntax.Word]bool{}}
	syntax.Walk(file, w.visit)
	s.mu.Lock()
	for _, name := range w.functions {
		s.functions[name] = true
	}
	s.mu.Unlock()
	return file.Stmts, w.err
}

// rewriter walks a script once.
type rewriter struct {
	stack     []syntax.Node
	documents map[*syntax.Word]bool // bodies of here-documents
	functions []string
	err       error
}

func (w *rewriter) visit(n syntax.Node) bool {
	if n == nil {
		w.stack = w.stack[:len(w.stack)-1]
		return true
	}
	switch n := n.(type) {
	case *syntax.ProcSubst:
		w.err = errProcessSubstitution
	case *syntax.ParamExp:
		w.parameter(n)
	case *syntax.FuncDecl:
		if n.Name != nil {
			w.functions = append(w.functions, n.Name.Value)
		}
	case *syntax.Redirect:
		if n.Hdoc != nil {
			w.documents[n.Hdoc] = true
		}
	case *syntax.Lit:
		w.literal(n)
	}
	w.stack = append(w.stack, n)
	return true
}

// parameter answers $$, $PPID and $0 for the container.
func (w *rewriter) parameter(n *syntax.ParamExp) {
	if n.Param == nil {
		return
	}
	switch n.Param.Value {
	case "$", "PPID":
		n.Param.Value, n.Short = hiddenPID, false
	case "0":
		n.Param.Value, n.Short = hiddenArg0, false
	}
}

// literal takes the meaning from ~user, which the interpreter would ask the
// host for: ~root is /root, others stay as they are written.
func (w *rewriter) literal(n *syntax.Lit) {
	word, ok := w.parent().(*syntax.Word)
	if !ok || w.documents[word] || !strings.Contains(n.Value, "~") {
		return // quoted text and here-documents have no ~
	}
	value := tameTilde(n.Value)
	if value == n.Value {
		return
	}
	if w.inParameter() {
		w.err = errTilde // whether a backslash counts there depends on quotes
		return
	}
	n.Value = value
}

func (w *rewriter) parent() syntax.Node {
	if len(w.stack) == 0 {
		return nil
	}
	return w.stack[len(w.stack)-1]
}

// inParameter reports whether the walk is inside ${…}, and not in a command
// substitution inside of that.
func (w *rewriter) inParameter() bool {
	for i := len(w.stack) - 1; i >= 0; i-- {
		switch w.stack[i].(type) {
		case *syntax.ParamExp:
			return true
		case *syntax.CmdSubst:
			return false
		}
	}
	return false
}

// tameTilde puts a backslash before each ~ that has a name behind it.
func tameTilde(s string) string {
	if rest, ok := strings.CutPrefix(s, "~root"); ok && (rest == "" || rest[0] == '/') {
		s = "/root" + rest
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '~' && i+1 < len(s) && s[i+1] != '/' && (i == 0 || s[i-1] != '\\') {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
