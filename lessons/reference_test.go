package lessons

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
)

const referenceFile = "../docs/LESSONS.md"

// TestReferenceIsFresh compares the generated parts of docs/LESSONS.md with the
// code; `go generate ./lessons` writes them.
func TestReferenceIsFresh(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	for name, text := range map[string]string{"checks": checksReference(), "functions": functionsReference(), "forms": formsReference()} {
		if want, err = replaceGenerated(want, name, text); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(want, string(data)); diff != "" {
		t.Errorf("%s is stale: run `go generate ./lessons` (-want +got):\n%s", referenceFile, diff)
	}
}

// replaceGenerated puts text between the markers of the part called name.
func replaceGenerated(doc, name, text string) (string, error) {
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- /generated -->\n"
	before, rest, found := strings.Cut(doc, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("%s: no part %q between %q and %q", referenceFile, name, begin, end)
	}
	return before + begin + text + end + after, nil
}

func checksReference() string {
	var b strings.Builder
	for _, k := range checkKinds() {
		fmt.Fprintf(&b, "\n### %s: %s\n\n%s\n\n```yaml\n%s\n```\n\n", k.name, k.doc.title, wrapped(k.doc.text), strings.TrimSpace(k.doc.example))
		required := requiredFields(k)
		b.WriteString("| field | meaning |\n|---|---|\n")
		for _, f := range k.doc.fields {
			text := f.text
			if required[f.name] {
				text = "**required**; " + text
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", f.name, cell(text))
		}
		if len(k.scope.variables) > 0 {
			b.WriteString("\n| variable | meaning |\n|---|---|\n")
			for _, v := range k.scope.variables {
				fmt.Fprintf(&b, "| `%s` | %s |\n", v.name, cell(v.doc))
			}
		}
		b.WriteString("\n| verdict | when |\n|---|---|\n")
		for _, v := range k.doc.verdicts {
			fmt.Fprintf(&b, "| %s | %s |\n", v.verdict, cell(v.text))
		}
	}
	return b.String() + "\n"
}

func functionsReference() string {
	var b strings.Builder
	for _, g := range functionGroups() {
		fmt.Fprintf(&b, "\n### %s\n\n", g.title)
		if g.text != "" {
			fmt.Fprintf(&b, "%s\n\n", wrapped(g.text))
		}
		b.WriteString("| function | meaning | example |\n|---|---|---|\n")
		for _, f := range g.functions {
			fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", strings.Join(f.signatures(), "`, `"), cell(f.doc), cell(f.example))
		}
	}
	return b.String() + "\n"
}

func formsReference() string {
	var b strings.Builder
	b.WriteString("| rule | kind | what it refuses | write instead |\n|---|---|---|---|\n")
	for _, r := range formRules() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", r.name, r.kind, cell(r.danger), cell(r.instead))
	}
	return b.String()
}

func requiredFields(k *checkKind) map[string]bool {
	out := map[string]bool{}
	for _, f := range taggedFields(reflect.ValueOf(k.fields()).Elem()) {
		out[f.name] = f.required
	}
	return out
}

// cell makes text fit into a cell of a Markdown table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// wrapped breaks prose into lines of up to 120 columns.
func wrapped(text string) string {
	line, out := "", ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line+" "+word)) > 120 {
			out, line = out+line+"\n", ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return out + line
}

// TestKindsAreDocumented ensures that the reference describes each field that a
// kind of check has, and no other; and the verdicts in one order.
func TestKindsAreDocumented(t *testing.T) {
	order := []Verdict{Met, Converging, Unmet, Violated}
	for _, k := range checkKinds() {
		var documented, fields []string
		for _, f := range k.doc.fields {
			documented = append(documented, f.name)
		}
		for name := range requiredFields(k) {
			fields = append(fields, name)
		}
		slices.Sort(documented)
		slices.Sort(fields)
		if diff := gocmp.Diff(fields, documented); diff != "" {
			t.Errorf("%s: the fields and their descriptions differ (-fields +described):\n%s", k.name, diff)
		}
		if !slices.IsSortedFunc(k.doc.verdicts, func(a, b verdictDoc) int {
			return cmp.Compare(slices.Index(order, a.verdict), slices.Index(order, b.verdict))
		}) || len(k.doc.verdicts) < 2 {
			t.Errorf("%s: the verdicts are %v, wanted two or more in the order %v", k.name, k.doc.verdicts, order)
		}
	}
}

// TestExamplesOfKindsLoad loads the examples of the reference as the checks of
// one step.
func TestExamplesOfKindsLoad(t *testing.T) {
	step := "traffic: {service: go-api, port: 80}\nchecks:\n"
	titles := ""
	for _, k := range checkKinds() {
		step += indent(strings.TrimSpace(k.doc.example), "  ")
		_, id, _ := strings.Cut(k.doc.example, "id: ")
		id, _, _ = strings.Cut(id, "\n")
		titles += "\n  " + id + ": A check"
	}
	fsys := testFiles(step)
	fsys["demo/steps/s.en.md"] = &fstest.MapFile{Data: []byte(
		"---\ntitle: A step\nquestions:\n  cluster-ip: Which one?\nchecks:" + titles + "\n---\nText\n")}
	if _, err := Load(fsys, "demo"); err != nil {
		t.Error(err)
	}
}

// TestFunctionsAreDocumented ensures that the reference describes each function
// and that its example is one: it calls the function, and compiles where the
// function may be used.
func TestFunctionsAreDocumented(t *testing.T) {
	c, err := newCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range functionGroups() {
		everything := scope{values: g.values, variables: slices.Concat(objectScope().variables, changeScope().variables)}
		for _, f := range g.functions {
			if f.doc == "" || !strings.Contains(f.example, f.name+"(") {
				t.Errorf("%s: description %q, example %q", f.name, f.doc, f.example)
			}
			if _, problems := c.compile(everything, f.example, false); len(problems) > 0 {
				t.Errorf("%s: the example %q does not compile: %v", f.name, f.example, problems)
			}
			if (f.pure == nil) == (f.read == nil) {
				t.Errorf("%s: wanted one implementation, pure or read", f.name)
			}
		}
	}
}
