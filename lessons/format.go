package lessons

import (
	"io/fs"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// APIVersion and Kind stand at the head of every lesson.yaml.
const (
	APIVersion = "k8stutor.dev/v1"
	Kind       = "Lesson"
)

// Lesson is a loaded lesson. docs/LESSONS.md explains every field. It is not
// changed after loading and safe for concurrent use.
type Lesson struct {
	located
	APIVersion    string        `yaml:"apiVersion"`
	Kind          string        `yaml:"kind"`
	Metadata      Metadata      `yaml:"metadata"`
	Order         int           `yaml:"order"`
	Minutes       int           `yaml:"minutes"`
	Prerequisites []string      `yaml:"prerequisites"`
	Topics        []string      `yaml:"topics"`
	Touches       []ResourceRef `yaml:"touches"`
	Steps         []*Step       `yaml:"steps"`

	files   fs.FS // the lesson's folder
	texts   map[string]lessonText
	settled Expr         // settled(), the default of until
	watch   []watch.Spec // with ownNamespace where the lesson's own is meant
}

// Name is the lesson's name, which is also its folder's.
func (l *Lesson) Name() string { return l.Metadata.Name }

// NamespacePrefix begins the names of all namespaces of lessons.
const NamespacePrefix = "tutor-"

// Namespace is where the lesson happens.
func (l *Lesson) Namespace() string { return NamespacePrefix + l.Metadata.Name }

// Files is the lesson's folder.
func (l *Lesson) Files() fs.FS { return l.files }

// Step finds a step by its id, nil when there is none.
func (l *Lesson) Step(id string) *Step {
	for _, s := range l.Steps {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// StepIndex is the place of a step, -1 when there is none.
func (l *Lesson) StepIndex(id string) int {
	for i, s := range l.Steps {
		if s.ID == id {
			return i
		}
	}
	return -1
}

// Metadata names a lesson.
type Metadata struct {
	located
	Name string `yaml:"name"`
}

// ResourceRef is a resource, outside the lesson's namespace when it stands in
// touches.
type ResourceRef struct {
	located
	Resource  string `yaml:"resource"`
	Namespace string `yaml:"namespace"`
}

// Step is one task of a lesson.
type Step struct {
	located
	ID           string          `yaml:"id"`
	Topics       []string        `yaml:"topics"`
	Start        *Setup          `yaml:"start"`
	Setup        *Setup          `yaml:"setup"`
	Traffic      *Traffic        `yaml:"traffic"`
	Values       map[string]Expr `yaml:"values"`
	Resources    []string        `yaml:"resources"`
	Checks       []*Check        `yaml:"checks"`
	Solution     string          `yaml:"solution"`
	Alternatives []Script        `yaml:"alternatives"`
	Mutants      []Mutant        `yaml:"mutants"`
	Timeout      time.Duration   `yaml:"timeout"`
	Cases        []*Case         `yaml:"cases"`
	Exclusive    bool            `yaml:"exclusive"`

	texts map[string]stepText
	// parent and drawn are set in a variant: the step with a case put in.
	parent *Step
	drawn  *Case
}

// Check finds a check by its id, nil when there is none.
func (s *Step) Check(id string) *Check {
	for _, c := range s.Checks {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Setup puts something into the cluster.
type Setup struct {
	located
	Manifests []string `yaml:"manifests"`
	Script    string   `yaml:"script"`
	Until     Expr     `yaml:"until"`
}

// Traffic is what a step's prober asks, and how often.
type Traffic struct {
	located
	Service string `yaml:"service"`
	Port    scalar `yaml:"port"`
	Path    string `yaml:"path"`
	Rate    int    `yaml:"rate"` // requests a second
}

// Script is a named shell script.
type Script struct {
	located
	Name   string `yaml:"name"`
	Script string `yaml:"script"`
}

// Mutant is a near miss and the check that must catch it.
type Mutant struct {
	located
	Name     string `yaml:"name"`
	Script   string `yaml:"script"`
	CaughtBy string `yaml:"caughtBy"`
	Until    Expr   `yaml:"until"`
}

// Check is one condition of a step. Its other fields depend on its kind.
type Check struct {
	located
	ID   string `yaml:"id"`
	Kind string `yaml:"kind"`
	// Allow holds reasons for the dangerous forms in it, by the name of the
	// rule of lint.
	Allow map[string]string `yaml:"allow"`

	kind   *checkKind // nil when it is unknown
	fields checkFields
	// The loader collects what the kind declares:
	exprs   []*Expr                              // that are written
	watches map[schema.GroupVersionResource]bool // whose changes can change the verdict
	waits   bool                                 // for another check
	lasts   bool                                 // until all checks that don't are met
	titles  []string                             // keys of further titles in the Markdown
}

// IsQuestion reports whether the learner answers the check.
func (c *Check) IsQuestion() bool { return c.kind.question }

// linked reports whether the verdict depends on other checks.
func (c *Check) linked() bool { return c.waits || c.guards() }

// guards reports whether the check is one that the others must be met for.
func (c *Check) guards() bool { return c.lasts || c.kind.rank == guard }

// scalar is a string field that may also be written as a number.
type scalar string

// oneOrMore is a list that may also be written as its only value.
type oneOrMore []string
