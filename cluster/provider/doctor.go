package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/internal/disk"
	"github.com/k8stutor/k8stutor/cluster/provider/embedded"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
	"github.com/k8stutor/k8stutor/cluster/provider/kind"
)

// Health is how one thing on this machine stands.
type Health string

// What a Finding may say. Only HealthFail keeps k8stutor from working.
const (
	HealthOK   Health = "ok"
	HealthWarn Health = "warn"
	HealthFail Health = "fail"
)

// Finding is one line of what a doctor says.
type Finding struct {
	ID     string `json:"id"` // stable, such as "engine"
	Health Health `json:"health"`
	Found  string `json:"found"`            // what is so
	Advice string `json:"advice,omitempty"` // what to do about it
}

// What a cluster needs, in bytes: a kind node takes about 650 MB of memory when
// metrics-server runs in it, the embedded cluster about 400 MB (measured,
// docs/PERFORMANCE.md); the rest is for a lesson's Pods.
const (
	kindMemory     = 1536 << 20
	embeddedMemory = 1024 << 20
	stateSpace     = 1024 << 20 // etcd's log and the containers' files
)

// inotify: what a cluster and its Pods take of what one user may have. Where
// less is left, kube-proxy ends with "too many open files" (seen on kind), and
// others after it.
const (
	nodeInstances = 64
	leastWatches  = 65536
)

// lessonPorts are the NodePorts that lessons let a learner choose: the static
// band of Kubernetes' default range, in which it never picks one by itself.
const firstLessonPort, lastLessonPort = 30000, 30085

// facts are what was found on this machine. Zero means that it is not known,
// but for the errors.
type facts struct {
	want string // Auto or the name of a provider

	engine     string // the one that answers
	engineErr  error
	version    string // of the engine
	engineMem  uint64 // bytes that containers may have together
	engineDir  string
	engineFree uint64
	cgroup     string // "1" or "2"

	embeddedErr error  // no program for the embedded cluster
	imagesErr   error  // no lessons' images for kind
	image       string // node image
	imageThere  bool
	imageErr    error // it can't be pulled

	memory     uint64 // bytes available on this machine
	state      string
	stateErr   error
	stateMode  os.FileMode
	stateFree  uint64
	instances  int // inotify: limit for a user, and how many this user has
	inUse      int
	watches    int
	takenPorts []int
	running    bool // a cluster of ours runs, which may hold the ports
	proxy      map[string]string
}

// Diagnose looks at what a cluster needs of this machine. It changes nothing,
// but writes and removes a file in the state folder. Its findings are in a
// fixed order.
func Diagnose(ctx context.Context, home cluster.Home, o Options) []Finding {
	return judge(gather(ctx, home, o))
}

func gather(ctx context.Context, home cluster.Home, o Options) facts {
	f := facts{want: o.Want, state: home.State(), memory: memoryAvailable(), proxy: proxyVariables(os.Environ())}
	_, f.embeddedErr = embedded.Find(o.Embedded)
	_, f.imagesErr = kind.FindLessonImages(home.State(), o.Images)
	f.instances, f.watches, f.inUse = inotifyLimits()
	f.cgroup = cgroupVersion()
	eng, err := engine.Find(ctx)
	f.engineErr = err
	if err == nil {
		f.engine = eng.Name
		f.askEngine(ctx, eng, home, o)
	}
	f.stateMode, f.stateErr = tryState(home.State())
	f.stateFree, _ = disk.Free(existingParent(home.State())) // zero: not known
	if a, err := home.Access(); err == nil {
		if conn, err := net.DialTimeout("tcp", strings.TrimPrefix(a.Server, "https://"), engine.PingTime); err == nil {
			conn.Close()
			f.running = true
		}
	}
	f.takenPorts = takenPorts(ctx)
	return f
}

// askEngine asks what the engine has to give. What it does not say stays
// unknown.
func (f *facts) askEngine(ctx context.Context, eng engine.Engine, home cluster.Home, o Options) {
	formats := map[string][3]string{
		"docker":  {"{{.ServerVersion}}", "{{.MemTotal}}", "{{.CgroupVersion}}"},
		"nerdctl": {"{{.ServerVersion}}", "{{.MemTotal}}", "{{.CgroupVersion}}"},
		"podman":  {"{{.Version.Version}}", "{{.Host.MemTotal}}", "{{.Host.CgroupsVersion}}"},
	}
	format := formats[eng.Name]
	if out, err := eng.Output(ctx, "info", "--format", strings.Join(format[:], " ")); err == nil {
		if said := strings.Fields(out); len(said) == 3 {
			f.version, f.cgroup = said[0], strings.TrimPrefix(said[2], "v")
			f.engineMem, _ = strconv.ParseUint(said[1], 10, 64) // zero: not known
		}
	}
	if dir, err := eng.DataDir(ctx); err == nil && dir != "" {
		if free, err := disk.Free(dir); err == nil {
			f.engineDir, f.engineFree = dir, free
		}
	}
	image, err := kind.UsableImage(ctx, eng, home.State(), o.Image)
	if err != nil {
		f.image, f.imageErr = kind.NodeImage(o.Image), err
		return
	}
	f.image, f.imageThere = image, eng.HasImage(ctx, image)
	if !f.imageThere {
		ask := o.askRegistry
		if ask == nil {
			ask = kind.InRegistry
		}
		f.imageErr = ask(ctx, image)
	}
}

// usesKind says which provider the rest is held against.
func (f *facts) usesKind() bool {
	return f.want == kind.Name || f.want != embedded.Name && f.engineErr == nil && (f.imageThere || f.imageErr == nil)
}

func judge(f facts) []Finding {
	var out []Finding
	for _, check := range []func(*facts) (Finding, bool){
		judgeEngine, judgeNodeImage, judgeLessonImages, judgeEmbedded, judgeMemory, judgeEngineDisk,
		judgeInotify, judgeCgroup, judgePorts, judgeProxy, judgeState, judgeStateDisk,
	} {
		if finding, known := check(&f); known {
			out = append(out, finding)
		}
	}
	return out
}

// worse is fail when the learner asked for what does not work, else warn.
func worse(asked bool) Health {
	if asked {
		return HealthFail
	}
	return HealthWarn
}

func judgeEngine(f *facts) (Finding, bool) {
	if f.engineErr != nil {
		if f.want == embedded.Name {
			return Finding{"engine", HealthOK, f.engineErr.Error() + "; the embedded cluster needs none", ""}, true
		}
		advice := "nothing to do for the embedded cluster, which is used then; for kind start Docker, Podman or nerdctl, and see that you may use it (for Docker: be in the group docker)"
		return Finding{"engine", worse(f.want == kind.Name), f.engineErr.Error(), advice}, true
	}
	return Finding{"engine", HealthOK, strings.TrimSpace(f.engine + " " + f.version + " answers"), ""}, true
}

func judgeNodeImage(f *facts) (Finding, bool) {
	switch {
	case f.engineErr != nil || f.want == embedded.Name:
		return Finding{}, false
	case f.imageThere:
		return Finding{"node-image", HealthOK, engine.ShortImage(f.image) + " is there", ""}, true
	case f.imageErr == nil:
		return Finding{"node-image", HealthOK, engine.ShortImage(f.image) + " can be pulled (once, about 400 MB)", ""}, true
	}
	return Finding{
		"node-image", worse(f.want == kind.Name), fmt.Sprintf("%s is not there, and %v", engine.ShortImage(f.image), f.imageErr),
		"the embedded cluster is used then; for kind check network and proxy, name an image that is there with --image, or bring one with `k8stutor bundle load FILE`",
	}, true
}

func judgeLessonImages(f *facts) (Finding, bool) {
	switch {
	case f.engineErr != nil || f.want == embedded.Name:
		return Finding{}, false
	case f.imagesErr != nil:
		return Finding{"lesson-images", worse(f.usesKind()), "they are missing", f.imagesErr.Error()}, true
	}
	return Finding{"lesson-images", HealthOK, "the lessons' images for kind are there", ""}, true
}

func judgeEmbedded(f *facts) (Finding, bool) {
	if f.embeddedErr == nil {
		return Finding{"embedded", HealthOK, "the program for the embedded cluster is there", ""}, true
	}
	return Finding{"embedded", worse(!f.usesKind()), embedded.Binary + " is missing", f.embeddedErr.Error()}, true
}

func judgeMemory(f *facts) (Finding, bool) {
	need, what, there := uint64(embeddedMemory), "the embedded cluster", f.memory
	if f.usesKind() {
		need, what = kindMemory, "a kind node"
		// Where containers run in a virtual machine, that one's memory counts.
		if f.engineMem > 0 && (there == 0 || f.engineMem < there) {
			there = f.engineMem
		}
	}
	if there == 0 {
		return Finding{}, false
	}
	out := Finding{"memory", HealthOK, fmt.Sprintf("%s are available, %s needs %s", size(there), what, size(need)), ""}
	if there < need {
		out.Health = worse(there < need/2)
		out.Advice = "close other programs, or give the engine's virtual machine more memory"
		if f.usesKind() {
			out.Advice += "; --cluster embedded needs " + size(embeddedMemory)
		}
	}
	return out, true
}

func judgeEngineDisk(f *facts) (Finding, bool) {
	if !f.usesKind() || f.engineDir == "" {
		return Finding{}, false
	}
	need := uint64(kind.NodeSpace)
	if !f.imageThere {
		need += 1 << 30
	}
	out := Finding{"engine-disk", HealthOK, fmt.Sprintf("%s are free at %s, a node needs %s", size(f.engineFree), f.engineDir, size(need)), ""}
	if f.engineFree < need {
		out.Health = HealthFail
		out.Advice = fmt.Sprintf("free some space, for instance with `%s system prune`, or use --cluster embedded", f.engine)
	}
	return out, true
}

func judgeInotify(f *facts) (Finding, bool) {
	if f.instances == 0 {
		return Finding{}, false
	}
	out := Finding{"inotify", HealthOK, fmt.Sprintf("max_user_instances %d (%d in use), max_user_watches %d", f.instances, f.inUse, f.watches), ""}
	scarce := f.instances-f.inUse < nodeInstances
	// A bare default of 128 is enough for one node on an otherwise idle machine.
	if scarce || f.watches < leastWatches {
		out.Health = HealthWarn
		out.Advice = "when a Pod ends with \"too many open files\": sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288, and a file in /etc/sysctl.d to keep it"
	}
	return out, true
}

func judgeCgroup(f *facts) (Finding, bool) {
	switch {
	case !f.usesKind() || f.cgroup == "":
		return Finding{}, false
	case f.cgroup == "2":
		return Finding{"cgroup", HealthOK, "version 2", ""}, true
	}
	return Finding{
		"cgroup", HealthWarn, "version " + f.cgroup,
		"newer Kubernetes refuses version 1 unless its node image allows it: boot with systemd.unified_cgroup_hierarchy=1, or use --cluster embedded",
	}, true
}

func judgePorts(f *facts) (Finding, bool) {
	band := fmt.Sprintf("127.0.0.1:%d to %d, for NodePorts", firstLessonPort, lastLessonPort)
	switch {
	case len(f.takenPorts) == 0:
		return Finding{"ports", HealthOK, band + ": all free", ""}, true
	case f.running:
		return Finding{"ports", HealthOK, fmt.Sprintf("%s: in use %s; a cluster of yours runs", band, numbers(f.takenPorts)), ""}, true
	}
	return Finding{
		"ports", HealthWarn, fmt.Sprintf("%s: in use %s", band, numbers(f.takenPorts)),
		"choose another port where a lesson asks for one, or end what listens there",
	}, true
}

// onThisMachine finds a proxy that is named by an address of loopback.
var onThisMachine = regexp.MustCompile(`(//|@)(127\.0\.0\.1|localhost|\[::1\])[:/ ]`)

func judgeProxy(f *facts) (Finding, bool) {
	proxy := ""
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY"} {
		if f.proxy[name] != "" {
			proxy += name + "=" + f.proxy[name] + " "
		}
	}
	if proxy == "" {
		return Finding{"proxy", HealthOK, "none is set", ""}, true
	}
	none := f.proxy["NO_PROXY"]
	out := Finding{"proxy", HealthOK, proxy + "NO_PROXY=" + none, ""}
	var advice []string
	if except := strings.Split(none, ","); !slices.Contains(except, "127.0.0.1") || !slices.Contains(except, "localhost") {
		advice = append(advice, "add 127.0.0.1 and localhost to NO_PROXY: curl in the lessons' shell would ask the proxy for the cluster's ports")
	}
	if f.usesKind() && onThisMachine.MatchString(proxy) {
		advice = append(advice, "a proxy on this machine can't be reached from a kind node by 127.0.0.1: name it by an address of the machine")
	}
	if len(advice) > 0 {
		out.Health, out.Advice = HealthWarn, strings.Join(advice, "; ")
	}
	return out, true
}

func judgeState(f *facts) (Finding, bool) {
	switch {
	case f.stateErr != nil:
		return Finding{"state", HealthFail, f.stateErr.Error(), "make it writable for you, free some space there, or set XDG_STATE_HOME to another folder"}, true
	case f.stateMode.Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return Finding{
			"state", HealthWarn, fmt.Sprintf("%s is writable, but others may look into it (mode %04o): it holds the clusters' keys", f.state, f.stateMode.Perm()),
			"chmod 700 " + f.state,
		}, true
	}
	return Finding{"state", HealthOK, fmt.Sprintf("%s is writable, and yours alone", f.state), ""}, true
}

func judgeStateDisk(f *facts) (Finding, bool) {
	if f.stateFree == 0 { // not known; a full disk is the line before
		return Finding{}, false
	}
	out := Finding{"state-disk", HealthOK, fmt.Sprintf("%s are free for the state folder, the embedded cluster needs %s", size(f.stateFree), size(stateSpace)), ""}
	if f.stateFree < stateSpace {
		out.Health = worse(f.stateFree < stateSpace/4)
		out.Advice = "free some space, or set XDG_STATE_HOME to a folder on another disk"
	}
	return out, true
}

// tryState makes the state folder, writes a file there and removes it. Where
// there was no folder, none is left.
func tryState(dir string) (os.FileMode, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		above := existingParent(dir)
		defer func() {
			for d := dir; d != above; d = filepath.Dir(d) {
				os.Remove(d) // unless somebody put something there meanwhile
			}
		}()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return 0, fmt.Errorf("the state folder can't be made: %w", err)
		}
		info, err = os.Stat(dir)
	}
	if err != nil {
		return 0, fmt.Errorf("the state folder: %w", err)
	}
	f, err := os.CreateTemp(dir, "doctor-*")
	if err != nil {
		return 0, fmt.Errorf("the state folder is not writable: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 64<<10))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, fmt.Errorf("the state folder is not writable: %w", err)
	}
	return info.Mode(), nil
}

// existingParent is dir, or the nearest folder above it that exists.
func existingParent(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func takenPorts(ctx context.Context) []int {
	var taken []int
	var lc net.ListenConfig
	for port := firstLessonPort; port <= lastLessonPort; port++ {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			taken = append(taken, port)
			continue
		}
		l.Close()
	}
	return taken
}

// proxyVariables reads the variables in either case, without passwords.
func proxyVariables(environ []string) map[string]string {
	out := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		name = strings.ToUpper(name)
		if !slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}, name) || value == "" {
			continue
		}
		if scheme, rest, ok := strings.Cut(value, "://"); ok {
			if at := strings.LastIndex(rest, "@"); at >= 0 {
				value = scheme + "://***@" + rest[at+1:]
			}
		}
		out[name] = value
	}
	return out
}

func numbers(all []int) string {
	text := make([]string, 0, len(all))
	for i, n := range all {
		if i == 5 {
			text = append(text, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		text = append(text, strconv.Itoa(n))
	}
	return strings.Join(text, ", ")
}

// size writes bytes for a person.
func size(n uint64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}
