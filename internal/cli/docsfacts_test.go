package cli

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// facts is what there is, for documents to name.
type facts struct {
	root      *cobra.Command
	commands  map[string]*cobra.Command // by their path without the program, such as "cluster up"
	flags     map[string]bool           // of all commands
	targets   map[string]bool           // of the Makefile
	variables map[string]bool           // K8STUTOR_*
	settings  map[string]bool           // entries of the config file
	files     map[string]bool           // paths in the repository; folders end in /
	topics    map[string][]string       // rows of the curriculum → steps
}

func readFacts(t *testing.T) *facts {
	t.Helper()
	f := &facts{
		root: newApp(genericiooptions.NewTestIOStreamsDiscard()).rootCmd(), commands: map[string]*cobra.Command{}, flags: map[string]bool{}, targets: map[string]bool{},
		variables: map[string]bool{}, settings: map[string]bool{}, files: map[string]bool{}, topics: topics(t),
	}
	for _, name := range configKeys {
		f.settings[name] = true
	}
	f.root.InitDefaultCompletionCmd()
	f.root.InitDefaultHelpCmd()
	f.addCommand(f.root)
	f.readFiles(t)
	makefile, err := os.ReadFile(path.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):( |$)`).FindAllStringSubmatch(string(makefile), -1) {
		f.targets[m[1]] = true
	}
	return f
}

func (f *facts) addCommand(c *cobra.Command) {
	if name := commandName(c); name != "" {
		f.commands[name] = c
	}
	add := func(flag *pflag.Flag) {
		if !flag.Hidden && flag.Name != "help" {
			f.flags[flag.Name] = true
		}
	}
	c.PersistentFlags().VisitAll(add)
	c.Flags().VisitAll(add)
	if c.Name() == "completion" || c.Name() == "help" {
		return // cobra's
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			f.addCommand(sub)
		}
	}
}

// commandName is the path of a command without the program's name.
func commandName(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}

var variable = regexp.MustCompile(`\b_?K8STUTOR_[A-Z0-9_]*[A-Z0-9]\b`)

// readFiles takes down every file, and the variables that Go files and scripts
// name.
func (f *facts) readFiles(t *testing.T) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if slices.Contains([]string{".git", "bin", "dist"}, name) {
				return fs.SkipDir
			}
			f.files[name+"/"] = true
			return nil
		}
		f.files[name] = true
		script := name == "Makefile" || strings.HasSuffix(name, ".sh") || name == "hack/engine" || strings.HasPrefix(name, ".ci/")
		if !script && !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "internal/cli/docs") {
			return nil
		}
		text, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			return err
		}
		if script {
			for _, v := range variable.FindAllString(string(text), -1) {
				f.variables[v] = true
			}
			return nil
		}
		if path.Dir(name) == "internal/cli" || bytes.Contains(text, []byte("K8STUTOR_")) {
			return f.readGo(name, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readGo finds the variables in the strings of a file, and the settings that the
// command line reads: of these, too, there are variables.
func (f *facts) readGo(name string, text []byte) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && !strings.Contains(s, " ") {
				for _, v := range variable.FindAllString(s, -1) {
					f.variables[v] = true
				}
			}
		case *ast.CallExpr:
			if key := settingRead(n); key != "" && path.Dir(name) == "internal/cli" && !strings.HasSuffix(name, "_test.go") {
				f.variables["K8STUTOR_"+strings.ToUpper(strings.ReplaceAll(key, "-", "_"))] = true
			}
		}
		return true
	})
	return nil
}

// settingRead is the key that a call such as v.GetString("lang") reads, "" for
// any other call. Flags that are read past viper have no variable.
func settingRead(call *ast.CallExpr) string {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"GetString", "GetBool", "GetInt"}, method.Sel.Name) || len(call.Args) != 1 {
		return ""
	}
	if _, ofFlags := method.X.(*ast.CallExpr); ofFlags {
		return ""
	}
	key, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	s, _ := strconv.Unquote(key.Value)
	return s
}
