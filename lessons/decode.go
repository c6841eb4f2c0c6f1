package lessons

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/k8stutor/k8stutor/internal/suggest"
)

// Pos is a place in a lesson's file; Line and Col begin at 1.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is something wrong with a lesson, and where.
type Problem struct {
	Pos     Pos
	Message string
	Warning bool // the lesson works, but should be better
}

func (p Problem) Error() string {
	if p.Warning {
		return fmt.Sprintf("%s: warning: %s", p.Pos, p.Message)
	}
	return fmt.Sprintf("%s: %s", p.Pos, p.Message)
}

// Problems are all that was found, in the order of the files.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(at Pos, format string, args ...any) {
	*p = append(*p, Problem{Pos: at, Message: fmt.Sprintf(format, args...)})
}

func (p *Problems) warn(at Pos, format string, args ...any) {
	*p = append(*p, Problem{Pos: at, Message: fmt.Sprintf(format, args...), Warning: true})
}

// err sorts p by place and returns it as an error; nil when p is empty.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return p
}

// located remembers where a mapping and its fields stand.
type located struct {
	at     Pos
	places map[string]Pos // of the fields
}

func (l *located) locate(at Pos, places map[string]Pos) { l.at, l.places = at, places }

// of is where a field stands, or the mapping when the field is not written.
func (l *located) of(field string) Pos {
	if p, ok := l.places[field]; ok {
		return p
	}
	return l.at
}

func (l *located) has(field string) bool { _, ok := l.places[field]; return ok }

// decoder fills structs from YAML nodes. Unlike yaml.Unmarshal it refuses what
// it does not know, says where (line and column), finds everything that is
// wrong and not only the first, and keeps the places for later errors.
type decoder struct {
	file     string
	lines    []string
	problems *Problems
}

// decodeYAML reads one document into out, a pointer to a struct. Line numbers
// begin at firstLine, so that a front matter can be read.
func decodeYAML(file string, data []byte, firstLine int, out any, problems *Problems) {
	d := &decoder{file: file, lines: strings.Split(string(data), "\n"), problems: problems}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		line, message := yamlError(err)
		problems.add(Pos{File: file, Line: line + firstLine - 1}, "%s", message)
		return
	}
	if doc.Kind == 0 || len(doc.Content) == 0 {
		return // empty
	}
	shift(&doc, firstLine-1)
	d.lines = append(make([]string, firstLine-1), d.lines...)
	d.decode(doc.Content[0], reflect.ValueOf(out).Elem())
}

// yamlError takes the line out of the library's message ("yaml: line 3: …").
func yamlError(err error) (int, string) {
	var typeErr *yaml.TypeError
	if errors.As(err, &typeErr) && len(typeErr.Errors) > 0 {
		return yamlError(errors.New("yaml: " + typeErr.Errors[0]))
	}
	rest := strings.TrimPrefix(err.Error(), "yaml: ")
	if after, ok := strings.CutPrefix(rest, "line "); ok {
		if number, message, ok := strings.Cut(after, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, "YAML: " + message
			}
		}
	}
	return 1, "YAML: " + rest
}

func shift(n *yaml.Node, lines int) {
	if lines == 0 {
		return
	}
	n.Line += lines
	for _, c := range n.Content {
		shift(c, lines)
	}
}

func (d *decoder) pos(n *yaml.Node) Pos { return Pos{File: d.file, Line: n.Line, Col: n.Column} }

func (d *decoder) decode(n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch target := v.Addr().Interface().(type) {
	case *Expr:
		if d.want(n, yaml.ScalarNode, "a CEL expression") {
			*target = d.expr(n)
		}
		return
	case *time.Duration:
		parsed, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			d.problems.add(d.pos(n), "expected a duration such as 15s or 2m")
		}
		*target = parsed
		return
	case *Check:
		if d.want(n, yaml.MappingNode, "a mapping") {
			d.check(n, target)
		}
		return
	case *scalar:
		if d.want(n, yaml.ScalarNode, "a number or a name") {
			*target = scalar(n.Value)
		}
		return
	case *oneOrMore:
		if n.Kind == yaml.ScalarNode {
			n = &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Column: n.Column, Content: []*yaml.Node{n}}
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem())
	case reflect.Struct:
		if d.want(n, yaml.MappingNode, "a mapping") {
			d.mapping(n, v)
		}
	case reflect.Slice:
		if d.want(n, yaml.SequenceNode, "a list") {
			v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
			for i, item := range n.Content {
				d.decode(item, v.Index(i))
			}
		}
	case reflect.Map:
		if d.want(n, yaml.MappingNode, "a mapping") {
			d.dictionary(n, v)
		}
	default:
		d.scalar(n, v)
	}
}

func (d *decoder) want(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind {
		return true
	}
	d.problems.add(d.pos(n), "expected %s", what)
	return false
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value) {
	var tag, what string
	switch v.Kind() {
	case reflect.String:
		tag, what = "!!str", "text (put numbers, true and false in quotes)"
	case reflect.Int:
		tag, what = "!!int", "a whole number"
	case reflect.Bool:
		tag, what = "!!bool", "true or false"
	default:
		panic("lessons: field of type " + v.Type().String() + " can't be decoded")
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != tag || n.Decode(v.Addr().Interface()) != nil {
		d.problems.add(d.pos(n), "expected %s", what)
	}
}

// taggedField is a field of a struct that a mapping may have.
type taggedField struct {
	name     string
	required bool
	value    reflect.Value
}

// taggedFields lists the fields of a struct with yaml tags, those of embedded
// structs included.
func taggedFields(v reflect.Value) []taggedField {
	var out []taggedField
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name != "":
			out = append(out, taggedField{name, option == "required", v.Field(i)})
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			out = append(out, taggedFields(v.Field(i))...)
		}
	}
	return out
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	d.fields(n, taggedFields(v), v.Addr().Interface(), func(name string, known []string) string {
		return fmt.Sprintf("unknown field %q%s", name, meant(name, known))
	})
}

// fields decodes a mapping into fields and tells owner, if it wants to know,
// where they stand. unknown words the problem with a field that is not there;
// "" is none.
func (d *decoder) fields(n *yaml.Node, fields []taggedField, owner any, unknown func(name string, known []string) string) {
	named := map[string]reflect.Value{}
	var names []string
	for _, f := range fields {
		named[f.name] = f.value
		names = append(names, f.name)
	}
	places := map[string]Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, ok := named[key.Value]
		switch _, twice := places[key.Value]; {
		case !ok:
			if message := unknown(key.Value, names); message != "" {
				d.problems.add(d.pos(key), "%s", message)
			}
			continue
		case twice:
			d.problems.add(d.pos(key), "duplicate field %q", key.Value)
			continue
		}
		places[key.Value] = d.pos(value)
		d.decode(value, field)
	}
	if l, ok := owner.(interface {
		locate(Pos, map[string]Pos)
	}); ok {
		l.locate(d.pos(n), places)
	}
}

// scalarIn returns the value of a field of a mapping that is a scalar, "" when
// there is none.
func scalarIn(n *yaml.Node, field string) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == field && n.Content[i+1].Kind == yaml.ScalarNode {
			return n.Content[i+1].Value
		}
	}
	return ""
}

func (d *decoder) dictionary(n *yaml.Node, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value)
		if v.MapIndex(key).IsValid() {
			d.problems.add(d.pos(n.Content[i]), "duplicate key %q", n.Content[i].Value)
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(n.Content[i+1], value)
		v.SetMapIndex(key, value)
	}
}

// meant suggests the fields that were probably meant; when there is none, it
// lists all of them.
func meant(got string, names []string) string {
	if near := suggest.Nearest(got, names); len(near) > 0 {
		return fmt.Sprintf(", did you mean %q?", near[0])
	}
	slices.Sort(names)
	return "; known: " + strings.Join(names, ", ")
}

// Expr is a CEL expression and the place where it stands.
type Expr struct {
	Text string
	at   Pos
	// blockIndent is set for a block scalar: its text begins on the line after
	// at, so far to the right.
	blockIndent int
	program     *program // set by the loader
}

// IsZero reports whether no expression was written.
func (e Expr) IsZero() bool { return strings.TrimSpace(e.Text) == "" }

func (d *decoder) expr(n *yaml.Node) Expr {
	e := Expr{Text: n.Value, at: d.pos(n)}
	switch n.Style {
	case yaml.LiteralStyle, yaml.FoldedStyle:
		for i := n.Line; i < len(d.lines); i++ {
			if text := strings.TrimLeft(d.lines[i], " "); text != "" {
				e.blockIndent = len(d.lines[i]) - len(text)
				break
			}
		}
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		e.at.Col++
	}
	return e
}

// pos is the place in the file of a place in the expression; line begins at 1,
// col at 0, as CEL counts.
func (e Expr) pos(line, col int) Pos {
	p := e.at
	switch {
	case e.blockIndent > 0:
		p.Line += line
		p.Col = e.blockIndent + col + 1
	case line <= 1:
		p.Col += col
	default:
		p.Line += line - 1
		p.Col = col + 1
	}
	return p
}
