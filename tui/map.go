package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	tea "charm.land/bubbletea/v2"
)

// Map is what the map of the lessons shows. Its functions are called from
// Update, so they must not wait.
type Map struct {
	// Lessons are in the order in which they are best learned, in a language,
	// with how far the learner is on a cluster.
	Lessons func(lang string, on MapCluster) []MapLesson
	Lang    string
	Langs   []string
	// Clusters are those there are to choose from, at least one; Cluster is
	// the one that is chosen at the beginning.
	Clusters []MapCluster
	Cluster  int
	Charset  Charset
	// Keys is which key does what; nil means the built-in ones.
	Keys *Keymap

	// Input, Output and Environ stand for the terminal in tests, as in Options.
	Input   io.Reader
	Output  io.Writer
	Environ []string
}

// MapCluster is a cluster to learn on.
type MapCluster struct {
	Provider string
	Name     string // empty for the one that has no provider yet
	New      bool   // it has yet to be made
}

// MapLesson is a lesson on the map.
type MapLesson struct {
	Name, Title, Summary string
	Minutes              int      // for a first-time learner
	After                []string // names of the lessons that should come before
	Steps                []MapStep
	Here                 bool // where the learner was last
}

// MapStep is a step of a lesson.
type MapStep struct {
	Title string
	Met   bool
}

func (l MapLesson) met() int {
	n := 0
	for _, s := range l.Steps {
		if s.Met {
			n++
		}
	}
	return n
}

func (l MapLesson) done() bool { return l.met() == len(l.Steps) }

// Choice is what was chosen on the map.
type Choice struct {
	Lesson, Lang string
	Cluster      MapCluster
}

// ErrLeft says that the learner left without a choice.
var ErrLeft = errors.New("left without a choice")

// ErrMap is what Run returns when the learner asks for the map of the lessons.
var ErrMap = errors.New("the map of the lessons is asked for")

// RunMap shows the map until a lesson is chosen. It returns ErrLeft when the
// learner leaves or ctx ends, and leaves the terminal as it was.
func RunMap(ctx context.Context, o Map) (Choice, error) {
	m, err := newMapModel(o)
	if err != nil {
		return Choice{}, err
	}
	_, err = tea.NewProgram(m, append(programOptions(Options{Input: o.Input, Output: o.Output, Environ: o.Environ}), tea.WithContext(ctx))...).Run()
	switch {
	case ctx.Err() != nil:
		return Choice{}, ErrLeft
	case err != nil:
		return Choice{}, fmt.Errorf("the map of the lessons: %w", err)
	case !m.chosen:
		return Choice{}, ErrLeft
	}
	return m.choice(), nil
}

func (m *mapModel) choice() Choice {
	return Choice{m.lessons[m.at].Name, m.opts.Lang, m.opts.Clusters[m.opts.Cluster]}
}

// mapModel is the map's Bubble Tea model.
type mapModel struct {
	opts          Map
	words         *words
	styles        *styles
	dark          bool
	depth         depth
	lessons       []MapLesson
	at            int // of the lesson that is chosen
	chosen        bool
	width, height int
}

func newMapModel(o Map) (*mapModel, error) {
	if o.Keys == nil {
		o.Keys = defaultKeymap()
	}
	m := &mapModel{opts: o, dark: true}
	m.restyle()
	if err := m.speak(); err != nil {
		return nil, err
	}
	if m.at = slices.IndexFunc(m.lessons, func(l MapLesson) bool { return l.Here }); m.at < 0 {
		m.at = 0
	}
	// One that is done leads on to the next that is not.
	for i := m.at; i < len(m.lessons) && m.lessons[m.at].done(); i++ {
		if !m.lessons[i].done() {
			m.at = i
		}
	}
	return m, nil
}

func (m *mapModel) restyle() { m.styles = newStyles(m.dark, m.depth) }

// speak takes words and texts in the language that is chosen.
func (m *mapModel) speak() error {
	w, err := newWords(m.opts.Lang)
	if err != nil {
		return err
	}
	m.words, m.lessons = w, m.opts.Lessons(m.opts.Lang, m.opts.Clusters[m.opts.Cluster])
	if len(m.lessons) == 0 {
		return errors.New("there are no lessons to show")
	}
	return nil
}

// Init is the tea.Model's.
func (m *mapModel) Init() tea.Cmd { return tea.RequestBackgroundColor }

// Update is the tea.Model's.
func (m *mapModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		m.restyle()
	case tea.ColorProfileMsg:
		m.depth = depthOf(msg.String())
		m.restyle()
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			m.move(-1)
		} else {
			m.move(1)
		}
	case tea.MouseClickMsg:
		return m, m.click(msg.X, msg.Y)
	}
	return m, nil
}

func (m *mapModel) key(name string) tea.Cmd {
	switch m.opts.Keys.in(scopeMap).at(name) {
	case actQuit:
		return tea.Quit
	case actOpen:
		return m.choose()
	case actLineUp:
		m.move(-1)
	case actLineDown:
		m.move(1)
	case actTop:
		m.at = 0
	case actBottom:
		m.at = len(m.lessons) - 1
	case actLanguage:
		m.opts.Lang = nextOf(m.opts.Langs, m.opts.Lang)
		return m.again()
	case actProvider:
		m.opts.Cluster = (m.opts.Cluster + 1) % len(m.opts.Clusters)
		return m.again()
	}
	return nil
}

// again shows the lessons as another language or cluster has them.
func (m *mapModel) again() tea.Cmd {
	if err := m.speak(); err != nil {
		return tea.Quit // there were lessons and words a moment ago
	}
	return nil
}

// nextOf is the next of a ring.
func nextOf(ring []string, now string) string {
	if len(ring) == 0 {
		return now
	}
	return ring[(slices.Index(ring, now)+1)%len(ring)]
}

func (m *mapModel) move(by int) { m.at = min(max(m.at+by, 0), len(m.lessons)-1) }

func (m *mapModel) choose() tea.Cmd {
	m.chosen = true
	return tea.Quit
}

// click chooses a lesson; on the one that is chosen already it begins it.
func (m *mapModel) click(x, y int) tea.Cmd {
	v := m.layout()
	i := v.first + (y-mapTop)/v.rows
	if x >= v.list || y < mapTop || i >= len(m.lessons) || i >= v.first+v.shown {
		return nil
	}
	if i == m.at {
		return m.choose()
	}
	m.at = i
	return nil
}
