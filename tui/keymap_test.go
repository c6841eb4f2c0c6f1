package tui

import (
	"slices"
	"strings"
	"testing"
)

func TestKeymapErrors(t *testing.T) {
	tests := []struct {
		name, prefix string
		remap        map[string][]string
		want         string
	}{
		{"no such action", "", map[string][]string{"nxt": {"x"}}, `nxt: there is no action "nxt"`},
		{"no such scope", "", map[string][]string{"window.next": {"x"}}, `window.next: there is no scope "window"`},
		{"not in this scope", "", map[string][]string{"lesson.hint": {"x"}}, `lesson.hint: the scope lesson has no action "hint"`},
		{"no such key", "", map[string][]string{"next": {"banana"}}, `next: key "banana": there is no key "banana"`},
		{"no key", "", map[string][]string{"next": {}}, "next: it needs a key"},
		{"twice in a list", "", map[string][]string{"next": {"x", "X", "x"}}, "next: x is named twice"},
		{"taken by a built-in one", "", map[string][]string{"next": {"p"}}, `next: p already means "back" in the scope prefix`},
		{"taken by one before it", "", map[string][]string{"hint": {"n"}}, `hint: n already means "next" in the scope prefix`},
		{"taken by another entry", "", map[string][]string{"next": {"x"}, "hint": {"x"}}, `next: x already means "hint"`},
		{"the prefix", "", map[string][]string{"overlay.close": {"^G"}}, "overlay.close: ctrl+g is the prefix key"},
		{"the prefix after itself", "", map[string][]string{"next": {"ctrl+g"}}, "next: ctrl+g is the prefix key"},
		{"another prefix", "f12", map[string][]string{"history.copy": {"F12"}}, "history.copy: f12 is the prefix key"},
		{"never sent", "", map[string][]string{"next": {"ctrl+m"}}, "next: ctrl+m can't be used: terminals send it for"},
		{"needed for typing", "", map[string][]string{"send": {"s"}}, "send: s can't be used: it is needed for typing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewKeymap(tt.prefix, tt.remap); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestKeymap: a name alone is for all scopes, one with its scope is stronger,
// and the built-in table stays as it is.
func TestKeymap(t *testing.T) {
	k, err := NewKeymap("f12", map[string][]string{
		"next": {"p"}, "back": {"n"}, // exchanged
		"copy": {"w", "ctrl+w"}, "overlay.copy": {"C-y"}, "map.quit": {"x"}, "line-down": {"shift+j"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in   scope
		key  string
		want action
	}{
		{scopePrefix, "p", actNext},
		{scopePrefix, "n", actBack},
		{scopePrefix, "w", actCopy},
		{scopePrefix, "y", ""},
		{scopeLesson, "ctrl+w", actCopy},
		{scopeOverlay, "w", ""},
		{scopeOverlay, "ctrl+y", actCopy},
		{scopeMap, "q", ""},
		{scopeMap, "x", actQuit},
		{scopePrefix, "q", actQuit},
		{scopeHistory, "J", actLineDown},
		{scopeHistory, "j", ""},
	}
	for _, tt := range tests {
		if got := k.in(tt.in).at(tt.key); got != tt.want {
			t.Errorf("%s: %q means %q, want %q", tt.in, tt.key, got, tt.want)
		}
	}
	if k.chord(actNext) != "f12 p" {
		t.Errorf("chord %q", k.chord(actNext))
	}
	if got := defaultBindings()[scopePrefix].key(actNext); got != "n" {
		t.Errorf("the built-in key became %q", got)
	}
}

// TestPrefixTakesItsKey: a prefix key that is also bound does not stand in the
// help as that.
func TestPrefixTakesItsKey(t *testing.T) {
	k, err := NewKeymap("ctrl+z", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := k.in(scopePrefix).key(actSuspend); got != "" {
		t.Errorf("suspend has %q", got)
	}
	if k, err = NewKeymap("ctrl+b", nil); err != nil {
		t.Fatal(err)
	}
	if got := k.in(scopeLesson).at("ctrl+b"); got != "" {
		t.Errorf("the prefix key means %q in the lesson", got)
	}
}

// TestKeyRows: every action says what it is for, in each language.
func TestKeyRows(t *testing.T) {
	for _, lang := range []string{"en", "zh-TW", "zh-CN"} {
		rows, err := defaultKeymap().Rows(lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Meaning == "" || strings.HasPrefix(r.Meaning, "help_") || len(r.Keys) == 0 {
				t.Errorf("%s: %+v", lang, r)
			}
		}
		if !slices.ContainsFunc(rows, func(r KeyRow) bool {
			return r.Scope == "prefix" && r.Action == "next" && slices.Equal(r.Keys, []string{"n"})
		}) {
			t.Errorf("%s: no row for next", lang)
		}
	}
}

// TestRemappedScreen: help, footers, borders and hints name the keys that are
// bound, and those work.
func TestRemappedScreen(t *testing.T) {
	k, err := NewKeymap("f12", map[string][]string{
		"next": {"x"}, "quit": {"f10"}, "shell": {"u"}, "lesson": {"w"}, "answer": {"v"}, "help": {"f1"}, "send": {"ctrl+s"},
		"reset": {"ctrl+r"}, "line-down": {"f2"}, "yes": {"j"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		keys  []string
		shown []string
	}{
		{nil, []string{"f12 then:", "x next", "w lesson", "f1 help", "f10 quit", "press f12 v to answer"}},
		{[]string{"f12", "w"}, []string{"u shell", "f2/k scroll", "f12 then:"}},
		{[]string{"f12", "f1"}, []string{"f12 x", "f12 f10", "f12 f12"}},
		{[]string{"f12", "v"}, []string{"^S sends the answer, Esc cancels", "^S send"}},
		{[]string{"f12", "ctrl+r"}, []string{"j yes", "n no"}},
		{[]string{"f12", "n"}, []string{"f12 then:"}},
	}
	for _, tt := range tests {
		s := newScreen(t, "en", 160, 60, 3)
		s.keys = k
		s.lesson.touch()
		u := questions("en", 0)
		u.Text.Body = "short"
		s.send(lessonMsg(u))
		s.press(tt.keys...)
		checkFrame(t, s.model)
		for _, want := range tt.shown {
			if !strings.Contains(s.text(), want) {
				t.Errorf("%q: %q is not on the screen:\n%s", tt.keys, want, s.text())
			}
		}
	}
	s := newScreen(t, "en", 160, 60, 3)
	s.keys = k
	cmds := s.press("f12", "ctrl+r", "j")
	runAll(cmds[len(cmds)-1])
	if got := <-s.session.asked; got != "reset" {
		t.Errorf("asked %q", got)
	}
}

// TestRemappedCorners: the keys of what is seldom on the screen can be changed
// too: a line that is typed, borders being moved, a start, a shell that ended.
func TestRemappedCorners(t *testing.T) {
	k, err := NewKeymap("", map[string][]string{
		"erase": {"f2"}, "accept": {"f3"}, "edit.cancel": {"f4"}, "done": {"f5"}, "abort": {"f6"}, "leave": {"f7"}, "new-shell": {"f8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	screen := func() *screen {
		s := newScreen(t, "en", 160, 60, 3)
		s.keys = k
		return s
	}
	s := screen()
	s.press("ctrl+g", ">")
	if s.frame(); !strings.Contains(s.text(), "f5 done") {
		t.Errorf("moving the borders:\n%s", s.text())
	}
	if s.press("f5"); s.modes.has(resizeMode{}) {
		t.Error("f5 does not end moving the borders")
	}

	s = screen()
	s.showText("text", "one\ntwo\nthree")
	s.frame()
	s.press("/", "t", "w", "x", "f2", "f3")
	if o := s.overlay; s.front() != mode(o) || o.search.line.text != "tw" || len(o.search.found) != 1 {
		t.Errorf("search in a text: %+v", o.search)
	}
	if s.press("/", "a", "f4"); s.front() != mode(s.overlay) {
		t.Error("f4 does not give up the search")
	}

	s = screen()
	s.shell.err = errClosing
	if !strings.Contains(s.text(), "f8 starts a new one") {
		t.Errorf("the shell has ended:\n%s", s.text())
	}
	if cmds := s.press("enter", "f8"); cmds[0] != nil && s.shell.err != nil {
		t.Error("f8 starts no shell")
	}

	s = screen()
	s.stage, s.modes = starting, modeStack{startMode{}}
	if !strings.Contains(s.text(), "f6 cancels") {
		t.Errorf("the start:\n%s", s.text())
	}
	s.press("ctrl+c")
	if s.stage != starting {
		t.Error("ctrl+c still cancels the start")
	}
	s.stage = failed
	s.start.failed(errClosing)
	if !strings.Contains(s.text(), "f7 leaves") {
		t.Errorf("a start that failed:\n%s", s.text())
	}
}
