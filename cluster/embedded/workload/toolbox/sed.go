package toolbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// sed has the commands s, p, d, q, =, a, i, c, y and n, addresses by number,
// $ and /regex/ and their ranges, "!" and {…}; no branches and no hold space.
type sedCommand struct {
	from, to *sedAddress
	negate   bool
	verb     byte
	re       *regexp.Regexp
	text     string // replacement, or text of a, i, c
	global   bool
	print    bool
	nth      int
	mapping  map[rune]rune
	block    []*sedCommand
	active   bool // inside its range
}

type sedAddress struct {
	line int
	last bool
	re   *regexp.Regexp
}

type sedParser struct {
	src      string
	pos      int
	extended bool
}

func sed(c *call) int {
	opts, rest, ok := c.options("[-nEri] [-e SCRIPT] [SCRIPT] [FILE]...", "nEre:i", "quiet=n", "expression=e", "in-place=i", "regexp-extended=E")
	if !ok {
		return exitError
	}
	var scripts []string
	quiet, extended, inPlace := false, false, false
	for _, o := range opts {
		switch o.name {
		case "n":
			quiet = true
		case "E", "r":
			extended = true
		case "i":
			inPlace = true
		case "e":
			scripts = append(scripts, o.value)
		}
	}
	if len(scripts) == 0 {
		if len(rest) == 0 {
			return c.usage("[-nEi] SCRIPT [FILE]...")
		}
		scripts, rest = rest[:1], rest[1:]
	}
	p := &sedParser{src: strings.Join(scripts, "\n"), extended: extended}
	program, err := p.parse(false)
	if err != nil {
		return c.fail("%v", err)
	}
	if !inPlace {
		readers := make([]io.Reader, 0, len(rest))
		return c.eachSedInput(rest, readers, func(r io.Reader) error {
			return c.sedRun(program, r, c.out, quiet)
		})
	}
	code := exitOK
	for _, name := range rest {
		if err := c.sedInPlace(program, name, quiet); err != nil {
			code = c.fail("%s: %s", name, errText(err))
		}
	}
	return code
}

// eachSedInput joins the files to one stream of lines, as sed counts them.
func (c *call) eachSedInput(names []string, readers []io.Reader, f func(io.Reader) error) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	code := exitOK
	for _, name := range names {
		r, err := c.openInput(name)
		if err != nil {
			code = c.fail("%s: %s", name, errText(err))
			continue
		}
		defer r.Close()
		readers = append(readers, r)
	}
	if err := f(io.MultiReader(readers...)); err != nil && c.bad == nil && c.ctx.Err() == nil {
		return c.fail("%s", errText(err))
	}
	return max(code, c.done())
}

func (c *call) sedInPlace(program []*sedCommand, name string, quiet bool) error {
	data, err := c.readFile(name)
	if err != nil {
		return err
	}
	var out strings.Builder
	if err := c.sedRun(program, strings.NewReader(string(data)), &out, quiet); err != nil {
		return err
	}
	f, err := c.open(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, out.String())
	return errors.Join(err, f.Close())
}

// sedState is one line on its way through the program.
type sedState struct {
	line    int
	last    bool
	space   string
	after   []string
	deleted bool
	quit    bool
	out     strings.Builder
	quiet   bool
}

func (c *call) sedRun(program []*sedCommand, r io.Reader, w io.Writer, quiet bool) error {
	n := 0
	var held *string
	stopped := false
	handle := func(text string, last bool) bool {
		n++
		st := &sedState{line: n, last: last, space: text, quiet: quiet}
		st.run(program)
		if !quiet && !st.deleted {
			st.out.WriteString(st.space + "\n")
		}
		for _, a := range st.after {
			st.out.WriteString(a + "\n")
		}
		if _, err := io.WriteString(w, st.out.String()); err != nil && c.bad == nil {
			c.bad = err
		}
		stopped = st.quit
		return !st.quit && c.bad == nil
	}
	// One line is held back, as $ is known only when there is no next one.
	err := c.eachLine(r, func(line []byte) bool {
		text := string(line)
		more := true
		if held != nil {
			more = handle(*held, false)
		}
		held = &text
		return more
	})
	if err == nil && held != nil && !stopped && c.bad == nil {
		handle(*held, true)
	}
	return err
}

func (st *sedState) run(program []*sedCommand) {
	for _, cmd := range program {
		if st.deleted || st.quit {
			return
		}
		if cmd.selects(st) == cmd.negate {
			continue
		}
		switch cmd.verb {
		case '{':
			st.run(cmd.block)
		case 's':
			st.substitute(cmd)
		case 'y':
			st.space = strings.Map(func(r rune) rune {
				if to, ok := cmd.mapping[r]; ok {
					return to
				}
				return r
			}, st.space)
		case 'p':
			st.out.WriteString(st.space + "\n")
		case 'd':
			st.deleted = true
		case 'q':
			st.quit = true
		case '=':
			st.out.WriteString(strconv.Itoa(st.line) + "\n")
		case 'a':
			st.after = append(st.after, cmd.text)
		case 'i':
			st.out.WriteString(cmd.text + "\n")
		case 'c':
			st.out.WriteString(cmd.text + "\n")
			st.deleted = true
		}
	}
}

func (cmd *sedCommand) selects(st *sedState) bool {
	switch {
	case cmd.from == nil:
		return true
	case cmd.to == nil:
		return cmd.from.matches(st)
	case cmd.active:
		if cmd.to.matches(st) || cmd.to.line > 0 && st.line >= cmd.to.line {
			cmd.active = false
		}
		return cmd.to.line == 0 || st.line <= cmd.to.line
	case cmd.from.matches(st):
		cmd.active = cmd.to.line == 0 || cmd.to.line > st.line
		return true
	}
	return false
}

func (a *sedAddress) matches(st *sedState) bool {
	switch {
	case a.re != nil:
		return a.re.MatchString(st.space)
	case a.last:
		return st.last
	}
	return a.line == st.line
}

func (st *sedState) substitute(cmd *sedCommand) {
	count, changed := 0, false
	var out strings.Builder
	rest := 0
	for _, m := range cmd.re.FindAllStringSubmatchIndex(st.space, -1) {
		count++
		if cmd.nth > 0 && count < cmd.nth || !cmd.global && changed {
			continue
		}
		out.WriteString(st.space[rest:m[0]])
		out.Write(cmd.re.ExpandString(nil, cmd.text, st.space, m))
		rest, changed = m[1], true
	}
	if !changed {
		return
	}
	st.space = out.String() + st.space[rest:]
	if cmd.print {
		st.out.WriteString(st.space + "\n")
	}
}

func (p *sedParser) parse(inBlock bool) ([]*sedCommand, error) {
	var program []*sedCommand
	for {
		p.skip(" \t\n;")
		if p.pos >= len(p.src) {
			if inBlock {
				return nil, errors.New("unmatched {")
			}
			return program, nil
		}
		if p.src[p.pos] == '}' {
			if !inBlock {
				return nil, errors.New("unexpected }")
			}
			p.pos++
			return program, nil
		}
		if p.src[p.pos] == '#' {
			p.until("\n")
			continue
		}
		cmd, err := p.command()
		if err != nil {
			return nil, err
		}
		program = append(program, cmd)
	}
}

func (p *sedParser) skip(chars string) {
	for p.pos < len(p.src) && strings.IndexByte(chars, p.src[p.pos]) >= 0 {
		p.pos++
	}
}

// until takes everything up to one of chars.
func (p *sedParser) until(chars string) string {
	start := p.pos
	for p.pos < len(p.src) && strings.IndexByte(chars, p.src[p.pos]) < 0 {
		p.pos++
	}
	return p.src[start:p.pos]
}

func (p *sedParser) command() (*sedCommand, error) {
	cmd := &sedCommand{}
	var err error
	if cmd.from, err = p.address(); err != nil {
		return nil, err
	}
	if cmd.from != nil && p.pos < len(p.src) && p.src[p.pos] == ',' {
		p.pos++
		if cmd.to, err = p.address(); err != nil {
			return nil, err
		}
		if cmd.to == nil {
			return nil, errors.New("unexpected ,")
		}
	}
	p.skip(" \t")
	for p.pos < len(p.src) && p.src[p.pos] == '!' {
		cmd.negate = true
		p.pos++
		p.skip(" \t")
	}
	if p.pos >= len(p.src) {
		return nil, errors.New("missing command")
	}
	cmd.verb = p.src[p.pos]
	p.pos++
	switch cmd.verb {
	case '{':
		cmd.block, err = p.parse(true)
	case 's':
		err = p.substitution(cmd)
	case 'y':
		err = p.transliteration(cmd)
	case 'p', 'd', 'q', '=':
	case 'a', 'i', 'c':
		p.skip(" \t")
		if p.pos < len(p.src) && p.src[p.pos] == '\\' {
			p.pos++
			p.skip(" \t\n")
		}
		cmd.text = strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(p.until("\n"))
	default:
		return nil, fmt.Errorf("unsupported command %c", cmd.verb)
	}
	return cmd, err
}

func (p *sedParser) address() (*sedAddress, error) {
	p.skip(" \t")
	if p.pos >= len(p.src) {
		return nil, nil
	}
	switch ch := p.src[p.pos]; {
	case ch == '$':
		p.pos++
		return &sedAddress{last: true}, nil
	case ch >= '0' && ch <= '9':
		start := p.pos
		p.skip("0123456789")
		n, err := strconv.Atoi(p.src[start:p.pos])
		if err != nil {
			return nil, fmt.Errorf("invalid address %s", p.src[start:p.pos])
		}
		return &sedAddress{line: n}, nil
	case ch == '/':
		text, err := p.delimited('/')
		if err != nil {
			return nil, err
		}
		re, err := compilePattern(text, p.extended, false)
		if err != nil {
			return nil, err
		}
		return &sedAddress{re: re}, nil
	}
	return nil, nil
}

// delimited takes /text/ and leaves the closing delimiter behind it. An
// escaped delimiter loses its backslash.
func (p *sedParser) delimited(d byte) (string, error) {
	p.pos++
	var b strings.Builder
	for ; p.pos < len(p.src); p.pos++ {
		ch := p.src[p.pos]
		if ch == d {
			p.pos++
			return b.String(), nil
		}
		if ch == '\\' && p.pos+1 < len(p.src) {
			p.pos++
			if p.src[p.pos] != d {
				b.WriteByte('\\')
			}
			ch = p.src[p.pos]
		}
		b.WriteByte(ch)
	}
	return "", fmt.Errorf("missing closing %c", d)
}

func (p *sedParser) substitution(cmd *sedCommand) error {
	if p.pos >= len(p.src) {
		return errors.New("unterminated s")
	}
	d := p.src[p.pos]
	pattern, err := p.delimited(d)
	if err != nil {
		return err
	}
	p.pos--
	replacement, err := p.delimited(d)
	if err != nil {
		return err
	}
	fold := false
	for p.pos < len(p.src) && strings.IndexByte("gpiI0123456789", p.src[p.pos]) >= 0 {
		switch ch := p.src[p.pos]; ch {
		case 'g':
			cmd.global = true
		case 'p':
			cmd.print = true
		case 'i', 'I':
			fold = true
		default:
			cmd.nth = min(cmd.nth*10+int(ch-'0'), 1<<20)
		}
		p.pos++
	}
	if cmd.re, err = compilePattern(pattern, p.extended, fold); err != nil {
		return err
	}
	cmd.text = goReplacement(replacement)
	return nil
}

// goReplacement turns & and \1 into ${0} and ${1}.
func goReplacement(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '&':
			b.WriteString("${0}")
		case s[i] == '$':
			b.WriteString("$$")
		case s[i] == '\\' && i+1 < len(s):
			i++
			switch ch := s[i]; {
			case ch >= '0' && ch <= '9':
				b.WriteString("${" + string(ch) + "}")
			case ch == 'n':
				b.WriteByte('\n')
			case ch == 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(ch)
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func (p *sedParser) transliteration(cmd *sedCommand) error {
	if p.pos >= len(p.src) {
		return errors.New("unterminated y")
	}
	d := p.src[p.pos]
	from, err := p.delimited(d)
	if err != nil {
		return err
	}
	p.pos--
	to, err := p.delimited(d)
	if err != nil {
		return err
	}
	a, b := []rune(from), []rune(to)
	if len(a) != len(b) {
		return errors.New("y: strings are of different lengths")
	}
	cmd.mapping = map[rune]rune{}
	for i := range a {
		cmd.mapping[a[i]] = b[i]
	}
	return nil
}
