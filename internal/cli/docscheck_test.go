package cli

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// docs are documents by their path in the repository.
type docs map[string]string

// longest is how many characters a line of prose may have.
const longest = 120

// past reports whether a document tells of what was, not of what is.
func past(name string) bool {
	return name == "CHANGELOG.md" || strings.HasPrefix(name, "docs/transcripts/")
}

// problems are the claims of the documents that are not so, and what they leave
// out.
func (f *facts) problems(d docs) []string {
	c := &claims{facts: f, docs: d, named: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		c.doc = name
		c.links(d[name])
		if past(name) {
			continue
		}
		c.lengths(d[name])
		for _, v := range regexp.MustCompile(`_?K8STUTOR_[A-Z0-9_]*[A-Z0-9]\b`).FindAllString(d[name], -1) {
			c.named[v] = true
			if !f.variables[v] {
				c.add("the variable %s: nothing reads it", v)
			}
		}
		for _, code := range codeOf(d[name]) {
			c.code(code)
		}
	}
	c.settings(d["docs/CONFIG.md"])
	c.curriculum(d["docs/CURRICULUM.md"])
	c.leftOut()
	return c.found
}

// claims reads what documents say.
type claims struct {
	*facts
	docs  docs
	doc   string
	named map[string]bool // commands, "--flags", "make targets" and variables
	found []string
}

func (c *claims) add(format string, args ...any) {
	if p := c.doc + ": " + fmt.Sprintf(format, args...); !slices.Contains(c.found, p) {
		c.found = append(c.found, p)
	}
}

// code is a piece of a document that is set as code: a span in a line, or a line
// of a block.
type code struct {
	text   string
	inline bool
}

// codeOf finds what is set as code. Blocks in a language of their own (yaml,
// markdown) are examples and name nothing.
func codeOf(text string) []code {
	var out []code
	fence, show := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if mark := strings.TrimLeft(line, "`"); len(line)-len(mark) >= 3 {
			switch {
			case fence == "":
				fence, show = line[:len(line)-len(mark)], mark == "" || mark == "sh"
			case line == fence:
				fence = ""
			}
			continue
		}
		if fence == "" && !strings.HasPrefix(line, "    ") {
			for i, span := range strings.Split(line, "`") {
				if i%2 == 1 {
					out = append(out, code{span, true})
				}
			}
		} else if fence == "" || show {
			out = append(out, code{strings.TrimSpace(line), false})
		}
	}
	return out
}

var (
	program  = regexp.MustCompile(`(?:^|[\s/(])k8stutor((?: +[^\s|;&#)]+)+)`)
	makeCall = regexp.MustCompile(`(?:^|[;&] *|time )make((?: +[a-z0-9-]+)+)`)
	longFlag = regexp.MustCompile(`^--([a-z][a-z0-9-]*)`)
)

func (c *claims) code(s code) {
	command, _, _ := strings.Cut(s.text, "  ") // what follows is an explanation
	for _, m := range program.FindAllStringSubmatch(command, -1) {
		c.command("k8stutor", strings.Fields(m[1]))
	}
	for _, m := range makeCall.FindAllStringSubmatch(command, -1) {
		for _, target := range strings.Fields(m[1]) {
			c.named["make "+target] = true
			if !c.targets[target] {
				c.add("make %s: the Makefile has no such target", target)
			}
		}
	}
	words := strings.Fields(s.text)
	if len(words) == 0 {
		return
	}
	if s.inline {
		c.span(words)
	}
	if len(words) == 1 || !s.inline {
		for _, word := range words {
			c.path(strings.Trim(word, ",;:()"), s.inline)
		}
	}
}

// span is a code span that does not name the program: `cluster up`, `--seed`.
func (c *claims) span(words []string) {
	first := c.commands[words[0]]
	if m := longFlag.FindStringSubmatch(words[0]); m != nil {
		c.named["--"+m[1]] = true
		if !c.flags[m[1]] && !foreignFlags[m[1]] {
			c.add("%s: no command has this flag", words[0])
		}
	} else if first != nil && len(words) > 1 && (first.HasSubCommands() || strings.HasPrefix(words[1], "--")) {
		c.command("k8stutor", words)
	} else if first != nil {
		c.named[words[0]] = true
	}
}

// foreignFlags belong to other programs. Any flag that documents name is ours or
// one of these, so that a misspelt one is found.
var foreignFlags = map[string]bool{
	"horizontal-pod-autoscaler-sync-period": true, // kube-controller-manager
	"audit-log-path":                        true, // metrics-server
	"kubelet-insecure-tls":                  true, // metrics-server
	"tls-cert-file":                         true, // metrics-server
	"optional":                              true, // hack/engine
	"cascade":                               true, // kubectl delete
	"to-revision":                           true, // kubectl rollout undo
	"previous":                              true, // kubectl logs
}

// command checks the words after the program's name, as far as they are ours.
func (c *claims) command(name string, words []string) {
	cmd := c.root
	for i := 0; i < len(words); i++ {
		word := strings.TrimRight(words[i], ",.:")
		if m := longFlag.FindStringSubmatch(word); m != nil {
			flag := cmd.Flags().Lookup(m[1])
			if flag == nil {
				flag = cmd.InheritedFlags().Lookup(m[1])
			}
			c.named["--"+m[1]] = true
			switch {
			case flag == nil && m[1] != "help":
				c.add("%s %s: there is no such flag", strings.TrimSpace(name), word)
			case flag != nil && flag.NoOptDefVal == "" && !strings.Contains(word, "="):
				i++ // its value
			}
			continue
		}
		if word == "" || !cmd.HasSubCommands() || strings.ToLower(word) != word || strings.ContainsAny(word, "…[|<") {
			return // arguments
		}
		sub, _, err := cmd.Find([]string{word})
		if err != nil || sub == cmd {
			c.add("%s %s: there is no such command", name, word)
			return
		}
		cmd, name = sub, name+" "+word
		c.named[commandName(cmd)] = true
		if word == "kubectl" {
			return // kubectl's own
		}
	}
}

var (
	pathLike = regexp.MustCompile(`^[.\w-]+(/[\w.*-]+)*/?$`)
	goFile   = regexp.MustCompile(`^[\w*]+\.(go|sh)$`)
)

// elsewhere are folders of which documents speak that are not in the repository:
// of the state folder, of a lesson, of a build, of Go's import paths.
var elsewhere = regexp.MustCompile(`^(bin|dist|hello|audit|clusters|progress|work|bundle|kubectl-cache|steps|setup|solution|files|docs/perf)(/|$)|^NAME/`)

// path checks a word that looks like a path of the repository, or like a step of
// a lesson.
func (c *claims) path(word string, inline bool) {
	word = strings.TrimPrefix(word, "./")
	if goFile.MatchString(word) {
		if !c.anyFile(func(name string) bool { ok, _ := path.Match(word, path.Base(name)); return ok }) {
			c.add("%s: there is no such file", word)
		}
		return
	}
	if !pathLike.MatchString(word) || !strings.Contains(word, "/") || elsewhere.MatchString(word) {
		return
	}
	top, rest, _ := strings.Cut(word, "/")
	if steps := c.stepsOf(top); steps != nil && inline {
		step, _, _ := strings.Cut(rest, "/")
		if !slices.Contains(steps, top+"/"+step) {
			c.add("%s: the lesson has no such step", word)
		}
		return
	}
	if strings.Contains(strings.TrimPrefix(top, "."), ".") {
		return // a host's name: an image, an API group
	}
	source := c.files[top+"/"] || strings.HasSuffix(word, "/") || goFile.MatchString(path.Base(word))
	if source && !c.exists(word) && !c.exists(path.Join(path.Dir(c.doc), word)) {
		c.add("%s: there is no such path", word)
	}
}

func (c *claims) anyFile(is func(name string) bool) bool {
	for name := range c.files {
		if is(name) {
			return true
		}
	}
	return false
}

// exists reports whether a path or a pattern is a file, a folder, or a folder
// with the .go files of a name without their ending.
func (c *claims) exists(word string) bool {
	word = strings.TrimSuffix(word, "/")
	if c.files[word] || c.files[word+"/"] {
		return true
	}
	return strings.Contains(word, "*") && c.anyFile(func(name string) bool { ok, _ := path.Match(word, strings.TrimSuffix(name, "/")); return ok })
}

// stepsOf are the steps of a lesson, nil when there is none of this name.
func (c *claims) stepsOf(lesson string) []string {
	var out []string
	for _, steps := range c.topics {
		for _, s := range steps {
			if strings.HasPrefix(s, lesson+"/") {
				out = append(out, s)
			}
		}
	}
	return out
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	comment = regexp.MustCompile("(?s)\n(`{3,})[a-z]*\n.*?\n`{3,}\n")
)

// links checks relative links and their anchors.
func (c *claims) links(text string) {
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
			continue
		}
		file, anchor, _ := strings.Cut(m[1], "#")
		target := c.doc
		if file != "" {
			target = path.Join(path.Dir(c.doc), file)
		}
		switch {
		case !c.exists(target):
			c.add("the link to %s leads nowhere", m[1])
		case anchor != "" && !slices.Contains(anchors(c.docs[target]), anchor):
			c.add("the link to %s: the page has no such heading", m[1])
		}
	}
}

// anchors are the names that GitHub gives to the headings of a page.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(comment.ReplaceAllString(text, "\n"), -1) {
		out = append(out, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return out
}

// lengths finds lines that are too long. A row of a table can't be broken, a
// line of code or an example should not be, and a generated one is its
// generator's.
func (c *claims) lengths(text string) {
	generated, fence := false, ""
	for n, line := range slices.Collect(strings.SplitSeq(text, "\n")) {
		if mark := strings.TrimLeft(line, "`"); len(line)-len(mark) >= 3 {
			if fence == "" {
				fence = line[:len(line)-len(mark)]
			} else if line == fence {
				fence = ""
			}
		}
		generated = generated && !strings.HasPrefix(line, "<!-- /generated") || strings.HasPrefix(line, "<!-- generated")
		free := generated || fence != "" || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "    ")
		if length := utf8.RuneCountInString(line); length > longest && !free {
			c.add("line %d has %d characters, at most %d are good to read", n+1, length, longest)
		}
	}
}

// settings compares the table of CONFIG.md with the entries that there are.
func (c *claims) settings(text string) {
	c.doc = "docs/CONFIG.md"
	rows := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|.*\\|.*\\|.*\\|$").FindAllStringSubmatch(text, -1)
	var told []string
	for _, m := range rows {
		told = append(told, m[1])
		if !c.facts.settings[m[1]] {
			c.add("the entry %s: a config file may not have it", m[1])
		}
	}
	for name := range c.facts.settings {
		if !slices.Contains(told, name) {
			c.add("the entry %s of the config file is in no table", name)
		}
	}
}

// curriculum compares the last column of the table with the lessons.
func (c *claims) curriculum(text string) {
	c.doc = "docs/CURRICULUM.md"
	told := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z]\d)( ★)? \|.*\|([^|]*)\|$`).FindAllStringSubmatch(text, -1) {
		told[m[1]] = regexp.MustCompile("[a-z-]+/[a-z-]+").FindAllString(m[3], -1)
	}
	for row, steps := range c.topics {
		if told[row] == nil {
			c.add("%s: the lessons name this row, with %v", row, steps)
		}
	}
	for row, steps := range told {
		if want := c.topics[row]; !slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(steps))) {
			c.add("%s is taught in %v, not in %v", row, want, steps)
		}
	}
}

// leftOut finds what is named nowhere.
func (c *claims) leftOut() {
	c.doc = "the documents"
	for name, cmd := range c.commands {
		if !c.named[name] && ours(cmd) {
			c.add("nobody names the command `%s`", name)
		}
	}
	for flag := range c.flags {
		if !c.named["--"+flag] {
			c.add("nobody names the flag --%s", flag)
		}
	}
	for target := range c.targets {
		if !c.named["make "+target] {
			c.add("nobody names make %s", target)
		}
	}
	for v := range c.variables {
		if !c.named[v] {
			c.add("nobody names the variable %s", v)
		}
	}
}

// ours reports whether a command is one of k8stutor's own, not cobra's.
func ours(cmd *cobra.Command) bool {
	return cmd.Name() != "help" && (cmd.Parent() == nil || cmd.Parent().Name() != "completion")
}
