package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
)

// stage is where the screen is in its life.
type stage int

const (
	starting   stage = iota // the cluster comes up
	cancelling              // its rollback runs
	failed                  // it could not come up
	running
)

// model is the one Bubble Tea model. It knows what is on the screen and what a
// key means; what the panes show is theirs.
type model struct {
	ctx    context.Context
	opts   Options
	now    func() time.Time
	words  *words
	styles *styles
	dark   bool
	depth  depth

	stage   stage
	start   startPane
	phases  <-chan cluster.Phase
	started <-chan startedMsg
	abort   context.CancelFunc // of the start
	running *Running
	shells  *shells
	lesson  *lessonPane
	cluster *clusterPane
	shell   *shellPane
	overlay *overlayPane
	err     error // what Run returns
	width   int
	height  int
	layout  layout
	focus   pane
	top     pane // lesson or cluster, where there is room for one
	want    Layout
	keeper  *keeper
	keys    *Keymap
	modes   modeStack
	noMouse bool   // the terminal keeps the mouse
	blurred bool   // the learner is at another window
	notice  string // told until the next key
	praise  string // good news, likewise
	tick    struct {
		id int
		at time.Time
	}
	clusterPace, shellPace *pacer
}

func newModel(ctx context.Context, opts Options, phases <-chan cluster.Phase, started <-chan startedMsg, abort context.CancelFunc) (*model, error) {
	w, err := newWords(opts.Lang)
	if err != nil {
		return nil, err
	}
	m := &model{
		ctx: ctx, opts: opts, now: opts.Now, words: w, keys: opts.Keys,
		phases: phases, started: started, abort: abort,
		shells: &shells{}, lesson: &lessonPane{command: -1}, cluster: &clusterPane{}, shell: &shellPane{}, overlay: &overlayPane{},
		focus: paneShell, top: paneLesson, want: opts.Layout.valid(), modes: modeStack{startMode{}}, keeper: &keeper{save: opts.SaveLayout},
		clusterPace: &pacer{interval: clusterPace}, shellPace: &pacer{interval: shellPace},
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.keys == nil {
		m.keys = defaultKeymap()
	}
	m.start.began = m.now()
	return m, m.setLook(true, depthFull)
}

// setLook sets the colours for a dark or a light background, with as many as the
// terminal has.
func (m *model) setLook(dark bool, d depth) error {
	if m.styles != nil && dark == m.dark && d == m.depth {
		return nil
	}
	m.dark, m.depth = dark, d
	m.styles = newStyles(dark, d)
	md, err := newMarkdown(m.styles)
	if err != nil {
		return err
	}
	m.lesson.setMarkdown(md)
	m.cluster.dirty()
	return nil
}

// look shows an error from setLook.
func (m *model) look(err error) {
	if err != nil {
		m.notice = err.Error()
	}
}

// Init is the tea.Model's.
func (m *model) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, waitPhase(m.ctx, m.phases), waitStarted(m.ctx, m.started), spinTick())
}

// Update is the tea.Model's. It does no I/O: everything that could wait is in
// the commands it returns.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.handle(msg)
	long := m.lesson.renderLong(m.layout.panes[paneLesson].w, m.words, m.styles)
	return m, tea.Batch(cmd, long, m.schedule())
}

func (m *model) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		return m.relayout()
	case tea.BackgroundColorMsg:
		m.look(m.setLook(msg.IsDark(), m.depth))
	case tea.ColorProfileMsg:
		m.look(m.setLook(m.dark, depthOf(msg.String())))
		if m.opts.echo != nil {
			m.opts.echo.setProfile(msg.Profile)
		}
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		return m.paste(msg.Content)
	case tea.FocusMsg, tea.BlurMsg:
		_, m.blurred = msg.(tea.BlurMsg)
		m.tellFocus()
	case tea.MouseMsg:
		return m.mouse(msg)
	case phaseMsg:
		m.start.apply(cluster.Phase(msg), m.now())
		return waitPhase(m.ctx, m.phases)
	case startedMsg:
		return m.begin(msg)
	case spinMsg:
		if m.stage == starting || m.stage == cancelling {
			m.start.frame++
			return spinTick()
		}
	case closeMsg:
		return m.quit(nil)
	case tickMsg:
		if msg.id == m.tick.id {
			m.tick.at = time.Time{}
			m.cluster.dirty()
		}
	default:
		return m.handleRunning(msg)
	}
	return nil
}

// handleRunning takes the messages that come while a lesson runs.
func (m *model) handleRunning(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case lessonMsg:
		m.lesson.set(lessons.Update(msg))
		return tea.Batch(m.afterAnswer(), waitLesson(m.ctx, m.running.Session))
	case answeredMsg:
		if msg.prompt == m.lesson.prompt {
			m.lesson.prompt.waiting = false
		}
	case shellNews:
		return msg.apply(m)
	case noticeMsg:
		m.notice = string(msg)
	case sessionEndedMsg:
		m.notice = m.words.say("lesson_ended")
	case renderedMsg:
		m.lesson.take(msg)
	case followedMsg:
		return m.followed(msg)
	case inspectedMsg:
		m.inspected(msg)
	case notKeptMsg:
		m.notice = m.words.say("layout_not_kept") + " " + msg.err.Error()
	case clusterMsg:
		if lost := m.unreachable(); lost && msg.conn.OK {
			m.praise = m.words.say("reachable", "Age", age(m.now().Sub(m.cluster.snap.conn.Since)))
		}
		m.cluster.set(snapshot(msg), m.now())
		return waitCluster(m.ctx, m.running, m.clusterPace)
	case shellStartedMsg:
		m.shell.started(msg)
		if msg.err != nil {
			return nil
		}
		return tea.Batch(waitShell(m.ctx, m.shells, msg.term, m.shell.scrolled, m.shellPace), m.resizeShell())
	case shellMsg:
		if msg.term != m.shell.term {
			return nil // an older shell
		}
		m.shell.set(shellFrame(msg))
		m.tellFocus()
		if msg.exit != nil || msg.redraw {
			return nil
		}
		return waitShell(m.ctx, m.shells, msg.term, m.shell.scrolled, m.shellPace)
	}
	return nil
}

// begin goes on when the start has ended, well or not.
func (m *model) begin(msg startedMsg) tea.Cmd {
	switch {
	case m.stage == cancelling:
		m.err = context.Canceled
		return tea.Quit
	case msg.err != nil:
		m.stage, m.err = failed, msg.err
		m.start.failed(msg.err)
		return nil
	}
	m.stage, m.running, m.modes = running, msg.running, nil
	if m.opts.TourSeen != nil {
		m.modes.push(tourMode{})
	}
	if m.running.Namespace != "" {
		m.cluster.namespace = m.running.Namespace
	}
	return tea.Batch(
		m.relayout(),
		m.startShell(),
		waitLesson(m.ctx, m.running.Session),
		func() tea.Msg { return clusterMsg(takeSnapshot(m.running)) },
	)
}

// quit leaves. A start that is under way is rolled back first.
func (m *model) quit(err error) tea.Cmd {
	switch m.stage {
	case starting:
		m.stage = cancelling
		m.start.cancelled = true
		m.abort()
		return nil
	case cancelling:
		return nil
	}
	if err != nil {
		m.err = err
	}
	return tea.Quit
}

// suspend stops the program until the learner's shell continues it.
func (m *model) suspend() tea.Cmd {
	if m.opts.suspend == nil {
		return nil
	}
	return inCommand(m.opts.suspend)
}

// relayout divides the screen again and sets the size of the shell.
func (m *model) relayout() tea.Cmd {
	before := m.layout
	m.layout = newLayout(m.width, m.height, m.want, m.top, m.focus)
	if m.layout != before {
		m.cluster.dirty()
	}
	switch hidden := m.modes.has(tooSmall{}); {
	case m.stage == running && m.layout.tiny && !hidden:
		m.modes.push(tooSmall{})
	case hidden && !m.layout.tiny:
		m.modes.remove(tooSmall{})
	}
	return m.resizeShell()
}

// goTo goes to a pane, and closes what lies over it.
func (m *model) goTo(p pane) tea.Cmd {
	m.uncover()
	return m.setFocus(p)
}

func (m *model) setFocus(p pane) tea.Cmd {
	m.focus = p
	m.cluster.focused = p == paneCluster
	m.tellFocus()
	if m.lesson.prompt != nil {
		m.lesson.prompt.idle = p != paneLesson
		m.lesson.touch()
	}
	if p != paneShell {
		m.top = p
	}
	return m.relayout()
}

// leastTick keeps lines that began to glow one after the other from ticking each
// for itself.
const leastTick = 100 * time.Millisecond

// schedule asks for a tick when the next of the times on the screen changes.
// Nothing ticks that is not shown.
func (m *model) schedule() tea.Cmd {
	if m.stage != running || m.layout.tiny {
		return nil
	}
	now := m.now()
	next := time.Duration(0)
	consider := func(t time.Time) {
		if t.IsZero() {
			return
		}
		if d := untilChange(now.Sub(t)); next == 0 || d < next {
			next = d
		}
	}
	consider(m.lesson.page.Began)
	m.cluster.times(m.layout.panes[paneCluster].h, consider)
	if d := m.cluster.glowChange(m.layout.panes[paneCluster].h, now); d > 0 && (next == 0 || d < next) {
		next = max(d, leastTick)
	}
	if next == 0 {
		return nil
	}
	at := now.Add(next)
	if !m.tick.at.IsZero() && !m.tick.at.After(at) {
		return nil // one is on its way that comes no later
	}
	m.tick.id++
	m.tick.at = at
	id := m.tick.id
	return tea.Tick(next, func(time.Time) tea.Msg { return tickMsg{id} })
}

// untilChange returns how long age shows the same text for a time d ago.
func untilChange(d time.Duration) time.Duration {
	unit := time.Second
	switch {
	case d >= 24*time.Hour:
		unit = 24 * time.Hour
	case d >= time.Hour:
		unit = time.Hour
	case d >= time.Minute:
		unit = time.Minute
	}
	return unit - max(d, 0)%unit
}

func spinTick() tea.Cmd {
	return tea.Tick(120*time.Millisecond, func(time.Time) tea.Msg { return spinMsg{} })
}

func waitStarted(ctx context.Context, started <-chan startedMsg) tea.Cmd {
	return func() tea.Msg {
		select {
		case s := <-started:
			return s
		case <-ctx.Done():
			return nil
		}
	}
}

// met reports whether the step's checks are all met.
func (m *model) met() bool { return m.lesson.outcome() != nil && m.lesson.outcome().Met }

// openQuestion is the first answer check that is not met.
func openQuestion(o *lessons.Outcome) *lessons.CheckResult {
	if o == nil {
		return nil
	}
	for i := range o.Checks {
		if c := &o.Checks[i]; c.Question != "" && c.Verdict != lessons.Met {
			return c
		}
	}
	return nil
}
