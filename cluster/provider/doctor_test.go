package provider

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// healthy is a machine on which nothing is to be done.
func healthy() facts {
	return facts{
		want: "auto", engine: "docker", version: "29.0.0", engineMem: 8 << 30, engineDir: "/var/lib/docker", engineFree: 50 << 30,
		cgroup: "2", image: "kindest/node:v1@sha256:abc", imageThere: true, memory: 8 << 30, state: "/s", stateMode: os.ModeDir | 0o700,
		stateFree: 50 << 30, instances: 128, inUse: 20, watches: 192493, proxy: map[string]string{},
	}
}

func TestJudge(t *testing.T) {
	noEngine := errors.New("no container engine (docker, podman, nerdctl) is installed")
	for _, tc := range []struct {
		name   string
		change func(*facts)
		want   string // "ID health" of what is not ok
		advice string // part of the first one's
	}{
		{"healthy", func(*facts) {}, "", ""},
		{"no engine", func(f *facts) { f.engineErr = noEngine }, "engine warn", "Docker"},
		{"no engine, kind asked for", func(f *facts) { f.engineErr, f.want = noEngine, "kind" }, "engine fail", "Docker"},
		{"no engine, embedded asked for", func(f *facts) { f.engineErr, f.want = noEngine, "embedded" }, "", ""},
		{"nothing at all", func(f *facts) {
			f.engineErr, f.embeddedErr = noEngine, errors.New("run `make build`")
		}, "engine warn, embedded fail", "Docker"},
		{"no embedded, but kind", func(f *facts) { f.embeddedErr = errors.New("run `make build`") }, "embedded warn", "make build"},
		{"image can be pulled", func(f *facts) { f.imageThere = false }, "", ""},
		{"image can't be pulled", func(f *facts) {
			f.imageThere, f.imageErr = false, errors.New("it can't be reached")
		}, "node-image warn", "bundle load"},
		{"image can't be pulled, kind asked for", func(f *facts) {
			f.imageThere, f.imageErr, f.want = false, errors.New("it can't be reached"), "kind"
		}, "node-image fail", "bundle load"},
		{"no lesson images", func(f *facts) { f.imagesErr = errors.New("run `make build`") }, "lesson-images fail", "make build"},
		{"little memory", func(f *facts) { f.memory = 1 << 30 }, "memory warn", "--cluster embedded needs 1.0 GB"},
		{"hardly any memory", func(f *facts) { f.memory = 500 << 20 }, "memory fail", "close other programs"},
		{"small virtual machine", func(f *facts) { f.engineMem = 1 << 30 }, "memory warn", "virtual machine"},
		{"little memory is enough for embedded", func(f *facts) { f.memory, f.want = 1200<<20, "embedded" }, "", ""},
		{"engine's disk full", func(f *facts) { f.engineFree = 1 << 30 }, "engine-disk fail", "docker system prune"},
		{"disk without the image", func(f *facts) { f.engineFree, f.imageThere = 2500<<20, false }, "engine-disk fail", "system prune"},
		{"inotify used up", func(f *facts) { f.inUse = 100 }, "inotify warn", "fs.inotify.max_user_instances=512"},
		{"few watches", func(f *facts) { f.watches = 8192 }, "inotify warn", "max_user_watches=524288"},
		{"cgroup v1", func(f *facts) { f.cgroup = "1" }, "cgroup warn", "systemd.unified_cgroup_hierarchy=1"},
		{"cgroup v1, embedded", func(f *facts) { f.cgroup, f.want = "1", "embedded" }, "", ""},
		{"port taken", func(f *facts) { f.takenPorts = []int{30080} }, "ports warn", "choose another port"},
		{"port taken by our cluster", func(f *facts) { f.takenPorts, f.running = []int{30080}, true }, "", ""},
		{"proxy without exceptions", func(f *facts) {
			f.proxy = map[string]string{"HTTPS_PROXY": "http://proxy.corp:3128"}
		}, "proxy warn", "add 127.0.0.1 and localhost"},
		{"good proxy", func(f *facts) {
			f.proxy = map[string]string{"HTTP_PROXY": "http://proxy.corp:3128", "NO_PROXY": "localhost,127.0.0.1"}
		}, "", ""},
		{"local proxy", func(f *facts) {
			f.proxy = map[string]string{"HTTP_PROXY": "http://***@127.0.0.1:3128", "NO_PROXY": "localhost,127.0.0.1"}
		}, "proxy warn", "can't be reached from a kind node"},
		{"state folder read only", func(f *facts) { f.stateErr = errors.New("read-only file system") }, "state fail", "XDG_STATE_HOME"},
		{"state folder full", func(f *facts) { f.stateFree = 100 << 20 }, "state-disk fail", "free some space"},
		{"nothing known", func(f *facts) {
			f.memory, f.engineMem, f.engineDir, f.cgroup, f.instances, f.stateFree = 0, 0, "", "", 0, 0
		}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := healthy()
			tc.change(&f)
			var got []string
			var advice string
			for _, finding := range judge(f) {
				if finding.Found == "" || (finding.Health != HealthOK) != (finding.Advice != "") {
					t.Errorf("%+v: it must say what was found, and what to do where that is not ok", finding)
				}
				if finding.Health != HealthOK {
					got = append(got, finding.ID+" "+string(finding.Health))
					advice += finding.Advice
				}
			}
			if strings.Join(got, ", ") != tc.want || !strings.Contains(advice, tc.advice) {
				t.Errorf("not ok: %q with the advice %q; want %q, …%s…", strings.Join(got, ", "), advice, tc.want, tc.advice)
			}
		})
	}
}

func TestJudgeStateOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes; the finding says so by being left out there")
	}
	f := healthy()
	f.stateMode = os.ModeDir | 0o755
	i := slices.IndexFunc(judge(f), func(x Finding) bool { return x.ID == "state" })
	if got := judge(f)[i]; got.Health != HealthWarn || got.Advice != "chmod 700 /s" {
		t.Errorf("got %+v", got)
	}
}

func TestTryState(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	mode, err := tryState(deep)
	if err != nil || mode.Perm() != 0o700 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", mode, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tryState(filepath.Join(file, "x")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("below a file: %v", err)
	}
}

func TestProxyVariables(t *testing.T) {
	got := proxyVariables([]string{"https_proxy=http://me:secret@proxy:3128/", "NO_PROXY=localhost", "HTTP_PROXY=", "PATH=/bin"})
	if len(got) != 2 || got["HTTPS_PROXY"] != "http://***@proxy:3128/" || got["NO_PROXY"] != "localhost" {
		t.Errorf("got %v", got)
	}
}
