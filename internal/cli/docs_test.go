package cli

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/content"
)

// root is the repository, seen from this package.
const root = "../.."

// readDocs reads the documents whose claims are held against the tree. The
// changelog and the transcripts tell of the past: only their links are checked.
func readDocs(t *testing.T) docs {
	t.Helper()
	d := docs{}
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "assets/README.md", "docs/*.md", "docs/transcripts/*.md"} {
		names, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(names), err)
		}
		for _, name := range names {
			text, err := os.ReadFile(path.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			d[name] = string(text)
		}
	}
	return d
}

// TestDocs holds the documentation to the tree, both ways: what it names exists,
// and each command, flag, make target, variable and setting is named.
func TestDocs(t *testing.T) {
	d, f := readDocs(t), readFacts(t)
	for what, n := range map[string]int{
		"commands": len(f.commands), "make targets": len(f.targets), "variables": len(f.variables),
		"settings": len(f.settings), "files": len(f.files),
	} {
		if n < 5 {
			t.Errorf("only %d %s were found: this test would not see what is missing", n, what)
		}
	}
	for _, p := range f.problems(d) {
		t.Error(p)
	}
}

// TestDocsCatch breaks one claim at a time.
func TestDocsCatch(t *testing.T) {
	f := readFacts(t)
	for name, c := range map[string]struct {
		file, add         string
		replace, replaced string
		want              string
	}{
		"a file":                {file: "README.md", add: "See `cluster/provider/nowhere.go`.", want: "cluster/provider/nowhere.go"},
		"a folder":              {file: "docs/ARCHITECTURE.md", add: "    nowhere/     pictures", want: "nowhere/"},
		"a file without folder": {file: "docs/ARCHITECTURE.md", add: "Its judge is in `nowhere.go`.", want: "nowhere.go"},
		"a lesson's step":       {file: "README.md", add: "Try `service/nowhere`.", want: "service/nowhere"},
		"a command":             {file: "README.md", add: "    bin/k8stutor nowhere", want: "k8stutor nowhere"},
		"a subcommand":          {file: "README.md", add: "Run `cluster nowhere`.", want: "cluster nowhere"},
		"a flag of a command":   {file: "README.md", add: "    bin/k8stutor check --rebuild", want: "--rebuild"},
		"a flag by itself":      {file: "docs/CONFIG.md", add: "Use `--nowhere`.", want: "--nowhere"},
		"a make target":         {file: "CONTRIBUTING.md", add: "Run `make nowhere`.", want: "make nowhere"},
		"a variable":            {file: "docs/CONFIG.md", add: "Set K8STUTOR_NOWHERE.", want: "K8STUTOR_NOWHERE"},
		"a setting":             {file: "docs/CONFIG.md", replace: "| `lang` |", replaced: "| `nowhere` |", want: "nowhere"},
		"a link":                {file: "README.md", add: "[here](docs/NOWHERE.md)", want: "docs/NOWHERE.md"},
		"a picture":             {file: "docs/KIND.md", add: "![here](nowhere.png)", want: "nowhere.png"},
		"an anchor":             {file: "README.md", add: "[here](docs/EMBEDDED.md#nowhere)", want: "#nowhere"},
		"an anchor in the page": {file: "docs/LESSONS.md", add: "[here](#nowhere)", want: "#nowhere"},
		"an old link":           {file: "CHANGELOG.md", add: "[here](docs/NOWHERE.md)", want: "docs/NOWHERE.md"},
		"a line that is long":   {file: "README.md", add: strings.Repeat("long ", 30), want: "150 characters"},

		"a command left out":       {replace: "cluster kubeconfig", replaced: "", want: "cluster kubeconfig"},
		"a flag left out":          {replace: "--rebuild", replaced: "", want: "--rebuild"},
		"a target left out":        {replace: "make pictures", replaced: "", want: "make pictures"},
		"a variable left out":      {replace: "K8STUTOR_ASCII", replaced: "", want: "K8STUTOR_ASCII"},
		"a setting left out":       {replace: "| `lesson-images` |", replaced: "| |", want: "lesson-images"},
		"a topic in a wrong place": {file: "docs/CURRICULUM.md", replace: "`service/addresses`", replaced: "`service/create`", want: "P2"},
	} {
		t.Run(name, func(t *testing.T) {
			d := readDocs(t)
			before := f.problems(d)
			changed := false
			for file, text := range d {
				if c.file != "" && c.file != file {
					continue
				}
				if c.replace != "" {
					text = strings.ReplaceAll(text, c.replace, c.replaced)
				}
				if c.add != "" {
					text += "\n\n" + c.add + "\n"
				}
				changed = changed || text != d[file]
				d[file] = text
			}
			if !changed {
				t.Fatalf("%s: the documents do not say %q", c.file, c.replace)
			}
			for _, p := range f.problems(d) {
				if strings.Contains(p, c.want) && !slices.Contains(before, p) {
					return
				}
			}
			t.Errorf("nobody noticed; wanted a problem that names %q", c.want)
		})
	}
}

// tutorialFiles are the files of the lesson that a text spells out: each in a
// fenced block after its name.
func tutorialFiles(text string) fstest.MapFS {
	folder := fstest.MapFS{}
	name, fence := "", ""
	for line := range strings.Lines(text) {
		mark := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "" && line == fence+"\n":
			name, fence = "", ""
		case fence != "":
			folder[name].Data = append(folder[name].Data, line...)
		case name != "" && len(mark) >= 3:
			fence = mark
			folder[name] = &fstest.MapFile{}
		case strings.HasPrefix(line, "`hello/"):
			name, _, _ = strings.Cut(line[1:], "`")
		}
	}
	return folder
}

// TestTutorial loads the lesson of "Your first lesson in ten minutes" as it is
// written there, before and after its correction.
func TestTutorial(t *testing.T) {
	text := readDocs(t)["docs/LESSONS.md"]
	text, _, _ = strings.Cut(text, "\n## 1. Files")
	folder := tutorialFiles(text)
	if len(folder) != 4 {
		t.Fatalf("the tutorial has %d files: %v", len(folder), slices.Sorted(maps.Keys(folder)))
	}
	loads := func() {
		t.Helper()
		l, err := lessons.Load(folder, "hello")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range lessons.Lint(l) {
			if !strings.Contains(p.Error(), "not translated") {
				t.Error(p.Error())
			}
		}
	}
	loads()
	_, fix, ok := strings.Cut(text, "**4. Fix it.**")
	_, fix, fenced := strings.Cut(fix, "```yaml\n")
	check, _, closed := strings.Cut(fix, "```")
	if !ok || !fenced || !closed {
		t.Fatal("the tutorial's correction was not found")
	}
	edit := func(file, from, to string) {
		t.Helper()
		was := string(folder[file].Data)
		if strings.Count(was, from) != 1 {
			t.Fatalf("%s says %d times %q", file, strings.Count(was, from), from)
		}
		folder[file] = &fstest.MapFile{Data: []byte(strings.Replace(was, from, to, 1))}
	}
	edit("hello/lesson.yaml", "    solution:", check+"    solution:")
	edit("hello/steps/scale.en.md", "of web are ready\n", "of web are ready\n  same-version: web kept its version\n")
	loads()
}

// topics are the steps of each row of the curriculum, by the lessons.
func topics(t *testing.T) map[string][]string {
	t.Helper()
	all, err := lessons.LoadAll(content.FS())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, l := range all {
		for _, s := range l.Steps {
			for _, row := range s.Topics {
				rows[row] = append(rows[row], l.Name()+"/"+s.ID)
			}
		}
	}
	return rows
}
