package lessons

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Case is one of the faults that a step draws from. docs/LESSONS.md §3 explains
// the fields.
type Case struct {
	located
	Name         string          `yaml:"name"`
	Setup        *Setup          `yaml:"setup"`
	MayChange    []string        `yaml:"mayChange"`
	Values       map[string]Expr `yaml:"values"`
	Resources    []string        `yaml:"resources"`
	Checks       []*Check        `yaml:"checks"`
	Solution     string          `yaml:"solution"`
	Alternatives []Script        `yaml:"alternatives"`
	Mutants      []Mutant        `yaml:"mutants"`
	Timeout      time.Duration   `yaml:"timeout"`

	texts map[string]stepText
	step  *Step // the step with this case drawn
}

// Variants are the step with each of its cases drawn, or the step itself when
// it has none. They have the step's id.
func (s *Step) Variants() []*Step {
	if len(s.Cases) == 0 {
		return []*Step{s}
	}
	out := make([]*Step, len(s.Cases))
	for i, c := range s.Cases {
		out[i] = c.step
	}
	return out
}

// CaseName is the name of the case that is drawn in a variant, else "".
func (s *Step) CaseName() string {
	if s.drawn == nil {
		return ""
	}
	return s.drawn.Name
}

// Setups are what makes the beginning of a variant, the last one first.
func (s *Step) Setups() []*Setup {
	all := []*Setup{s.Setup, s.Start}
	if s.drawn != nil {
		all = append([]*Setup{s.drawn.Setup}, all...)
	}
	return slices.DeleteFunc(all, func(s *Setup) bool { return s == nil })
}

// whole is the step that a variant is one of.
func (s *Step) whole() *Step {
	if s.parent != nil {
		return s.parent
	}
	return s
}

// variant is the step with the named case drawn; nil when there is none.
func (s *Step) variant(name string) *Step {
	for _, c := range s.Cases {
		if c.Name == name {
			return c.step
		}
	}
	return nil
}

// Draw gives the variant that a seed (1 or more) stands for. Seeds one after
// the other go through all cases before one comes again.
func (s *Step) Draw(seed int) *Step {
	n := len(s.Cases)
	if n == 0 || seed < 1 {
		return s
	}
	return s.Cases[deck((seed-1)/n, n)[(seed-1)%n]].step
}

// SeedOf is the smallest seed that draws the case of a variant; 0 when the
// step has no cases.
func (s *Step) SeedOf() int {
	if s.drawn == nil {
		return 0
	}
	for seed := range len(s.parent.Cases) {
		if s.parent.Draw(seed+1) == s {
			return seed + 1
		}
	}
	return 0
}

// deck shuffles 0 to n-1 (Fisher and Yates) in the way of a round. It must
// never change: seeds are shared among people.
func deck(round, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	state := uint64(round) + 1
	for i := n - 1; i > 0; i-- {
		// SplitMix64, by Steele, Lea and Flood (2014).
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		j := int((z ^ z>>31) % uint64(i+1))
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// maxRandomSeed keeps seeds that nobody chose short enough to be read out.
const maxRandomSeed = 999

func randomSeed() int { return 1 + rand.IntN(maxRandomSeed) } //nolint:gosec // no secret

// Entered reads what a namespace notes of the step that it holds: the step's
// id, and the seed of its case, 0 when it has none.
func Entered(note string) (step string, seed int) {
	note, _, _ = strings.Cut(note, "@")
	step, number, ok := strings.Cut(note, "#")
	if ok {
		seed, _ = strconv.Atoi(number)
	}
	return step, seed
}

// enteredNote is what Entered reads. An entry is noted behind it.
func enteredNote(step *Step, seed int, entry string) string {
	note := step.ID
	if seed > 0 {
		note += "#" + strconv.Itoa(seed)
	}
	if entry != "" {
		note += "@" + entry
	}
	return note
}

// entryOf reads which entry of its step a namespace notes, "" for none.
func entryOf(note string) string {
	_, entry, _ := strings.Cut(note, "@")
	return entry
}

// newEntry makes a name for an entry that no other has.
func newEntry() string { return strconv.FormatUint(rand.Uint64(), 36) } //nolint:gosec // no secret

// mayChange reports whether a list of `resource/name` names an object.
func mayChange(list []string, gvr schema.GroupVersionResource, name string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		i := strings.LastIndex(entry, "/")
		named, err := ParseResource(entry[:max(i, 0)])
		return err == nil && named == gvr && (entry[i+1:] == "*" || entry[i+1:] == name)
	})
}

// withCase is a step's text with that of the drawn case put in.
func (t stepText) withCase(c stepText) stepText {
	out := t
	out.Checks, out.Questions = merged(t.Checks, c.Checks), merged(t.Questions, c.Questions)
	out.Options, out.Why = merged(t.Options, c.Options), merged(t.Why, c.Why)
	out.body = paragraphs(t.body, c.body)
	out.hints = slices.Concat(t.hints, c.hints)
	title := c.Title
	if title != "" {
		title = "**" + title + "**"
	}
	out.debrief = paragraphs(title, c.debrief, t.debrief)
	return out
}

// over is a text with another one standing in, string by string, for what it
// lacks.
func (t stepText) over(en stepText) stepText {
	out := t
	out.Title, out.body, out.debrief = cmp.Or(t.Title, en.Title), cmp.Or(t.body, en.body), cmp.Or(t.debrief, en.debrief)
	out.hints = slices.Clone(en.hints)
	for i, h := range t.hints {
		if i < len(out.hints) {
			out.hints[i] = cmp.Or(h, out.hints[i])
		} else {
			out.hints = append(out.hints, h)
		}
	}
	out.Checks, out.Questions = merged(en.Checks, t.Checks), merged(en.Questions, t.Questions)
	out.Options, out.Why = merged(en.Options, t.Options), merged(en.Why, t.Why)
	return out
}

func merged(a, b map[string]string) map[string]string {
	out := make(map[string]string, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		out[k] = cmp.Or(v, out[k])
	}
	return out
}

func paragraphs(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return strings.TrimSpace(s) == "" }), "\n\n")
}
