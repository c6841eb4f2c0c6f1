package goapi

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Failing modes; doc.go describes them.
const (
	modeNone       = "none"
	modeConfig     = "config"
	modeCrash      = "crash"
	modeExit       = "exit"
	modePanic      = "panic"
	modeMemory     = "memory"
	modeCPU        = "cpu"
	modeNotReady   = "not-ready"
	modeUnhealthy  = "unhealthy"
	modeHang       = "hang"
	modeSlow       = "slow"
	modeError      = "error"
	modeFlaky      = "flaky"
	modeIgnoreTERM = "ignore-term"
)

func modes() []string {
	return []string{
		modeNone, modeConfig, modeCrash, modeExit, modePanic, modeMemory, modeCPU, modeNotReady,
		modeUnhealthy, modeHang, modeSlow, modeError, modeFlaky, modeIgnoreTERM,
	}
}

type config struct {
	port          int
	requiredEnv   []string
	startDelay    time.Duration
	listenDelay   time.Duration
	responseDelay time.Duration
	shutdownDelay time.Duration
	shutdownGrace time.Duration
	memory        int64
	logProbes     bool
	fail          string
	failAfter     time.Duration
	exitCode      int
	showVersion   bool
}

// duration is a flag.Value that also takes plain seconds.
type duration struct{ d *time.Duration }

func (v duration) String() string {
	if v.d == nil {
		return ""
	}
	return v.d.String()
}

func (v duration) Set(s string) error {
	d, err := parseDuration(s)
	if err != nil {
		return err
	}
	*v.d = d
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		secs, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || secs != secs || secs > 1e9 || secs < -1e9 {
			return 0, errors.New("want a duration such as 500ms, 10s or 2m")
		}
		d = time.Duration(secs * float64(time.Second))
	}
	if d < 0 {
		return 0, errors.New("must not be negative")
	}
	return d, nil
}

// size is a flag.Value for bytes with Ki, Mi or Gi.
type size struct{ n *int64 }

func (v size) String() string {
	if v.n == nil {
		return ""
	}
	return strconv.FormatInt(*v.n, 10)
}

func (v size) Set(s string) error {
	shift := 0
	for suffix, bits := range map[string]int{"Ki": 10, "Mi": 20, "Gi": 30} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, shift = rest, bits
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<40)>>shift {
		return errors.New("want bytes such as 1048576, 64Mi or 1Gi")
	}
	*v.n = n << shift
	return nil
}

// mode is a flag.Value for a failing mode.
type mode struct{ s *string }

func (v mode) String() string {
	if v.s == nil {
		return ""
	}
	return *v.s
}

func (v mode) Set(s string) error {
	if !slices.Contains(modes(), s) {
		return fmt.Errorf("unknown mode, want one of %s", strings.Join(modes(), ", "))
	}
	*v.s = s
	return nil
}

type names struct{ list *[]string }

func (v names) String() string {
	if v.list == nil {
		return ""
	}
	return strings.Join(*v.list, ",")
}

func (v names) Set(s string) error {
	*v.list = nil
	for n := range strings.SplitSeq(s, ",") {
		if n = strings.TrimSpace(n); n != "" {
			*v.list = append(*v.list, n)
		}
	}
	return nil
}

// parseConfig reads the environment first and the arguments over it. The usage
// text goes to out. flag.ErrHelp means that help was asked for and printed.
func parseConfig(p *workload.Process, out io.Writer) (config, error) {
	c := config{port: 8080, fail: modeNone, exitCode: 1, shutdownGrace: 20 * time.Second}
	set := flag.NewFlagSet("go-api", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.IntVar(&c.port, "port", c.port, "TCP port to listen on")
	set.Var(names{&c.requiredEnv}, "required-env", "environment variables that must be set, comma separated")
	set.Var(duration{&c.startDelay}, "start-delay", "not ready for so long after the start")
	set.Var(duration{&c.listenDelay}, "listen-delay", "port closed for so long after the start")
	set.Var(duration{&c.responseDelay}, "response-delay", "wait before each answer")
	set.Var(duration{&c.shutdownDelay}, "shutdown-delay", "go on answering for so long after TERM")
	set.Var(duration{&c.shutdownGrace}, "shutdown-grace", "time for open requests at the end")
	set.Var(size{&c.memory}, "memory", "bytes to hold from the start")
	set.BoolVar(&c.logProbes, "log-probes", false, "log /healthz and /readyz too")
	set.Var(mode{&c.fail}, "fail", "failing mode: "+strings.Join(modes(), ", "))
	set.Var(duration{&c.failAfter}, "fail-after", "the failing mode begins so long after the start")
	set.IntVar(&c.exitCode, "fail-exit-code", c.exitCode, "exit code of --fail=crash")
	set.BoolVar(&c.showVersion, "version", false, "print the version and exit")

	var problem error
	set.VisitAll(func(f *flag.Flag) {
		name := strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		v, ok := getenv(p, name)
		if !ok || v == "" || f.Name == "version" || problem != nil {
			return
		}
		if err := set.Set(f.Name, v); err != nil {
			problem = fmt.Errorf("environment variable %s=%q: %w", name, v, err)
		}
	})
	if problem != nil {
		return c, problem
	}
	if err := set.Parse(p.Args[min(1, len(p.Args)):]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			set.SetOutput(out)
			fmt.Fprintln(out, "go-api is the lessons' app of k8stutor. Arguments, also as environment variables:")
			set.PrintDefaults()
		}
		return c, err
	}
	switch {
	case set.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q", set.Arg(0))
	case c.port < 1 || c.port > 65535:
		return c, fmt.Errorf("port %d: want 1 to 65535", c.port)
	case c.exitCode < 0 || c.exitCode > 255:
		return c, fmt.Errorf("exit code %d: want 0 to 255", c.exitCode)
	}
	return c, nil
}

// getenv looks a variable up; later entries win.
func getenv(p *workload.Process, name string) (string, bool) {
	for _, e := range slices.Backward(p.Env) {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}
