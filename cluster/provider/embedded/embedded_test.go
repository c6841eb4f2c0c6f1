//go:build unix

package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster"
)

// fake writes a program in place of k8stutor-embedded. It sees the subcommand
// as $1 and the cluster's folder as $3.
func fake(t *testing.T, script string) *Provider {
	t.Helper()
	bin := filepath.Join(t.TempDir(), Binary)
	if err := os.WriteFile(bin, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	home, err := cluster.NewHome(t.TempDir(), "x")
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(home, bin)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ignore(cluster.Phase) {}

func TestEmbeddedUpReportsPhasesAndRecordsAccess(t *testing.T) {
	e := fake(t, `
echo "$@" > "$3/args"
echo '{"phase":"etcd","title":"Storage"}'
echo '{"phase":"etcd","title":"Storage","detail":"replaying","elapsedMs":120}'
echo '{"phase":"etcd","title":"Storage","done":true,"elapsedMs":250}'
echo '{"access":{"kubeconfig":"/k","context":"c","server":"https://127.0.0.1:1","version":"v1.36.3","nodeHost":"127.0.0.1","auditLog":"/a"}}'
`)
	var got []cluster.Phase
	access, err := e.Up(t.Context(), func(p cluster.Phase) { got = append(got, p) })
	if err != nil {
		t.Fatal(err)
	}
	want := cluster.Access{
		Provider: "embedded", Name: "x", Kubeconfig: "/k", Context: "c", Server: "https://127.0.0.1:1",
		Version: "v1.36.3", NodeHost: "127.0.0.1", AuditLog: "/a",
	}
	if access != want {
		t.Errorf("access = %+v, want %+v", access, want)
	}
	if saved, err := e.home.Access(); err != nil || saved != want {
		t.Errorf("recorded %+v, %v", saved, err)
	}
	if len(got) != 3 || got[1].Detail != "replaying" || !got[2].Done || got[2].Elapsed != 250*time.Millisecond {
		t.Errorf("phases = %+v", got)
	}
	args, _ := os.ReadFile(filepath.Join(e.home.Dir(), "args"))
	if want := "up --dir " + e.home.Dir() + " --name x --progress json\n"; string(args) != want {
		t.Errorf("called with %q, want %q", args, want)
	}
}

func TestEmbeddedFailures(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"a failed phase", `echo '{"phase":"apiserver","title":"API server","done":true,"err":"port 6443 is in use"}'; echo noise >&2; exit 1`, "API server: port 6443 is in use"},
		{"only stderr", `echo first >&2; echo "Error: disk full" >&2; exit 3`, "k8stutor-embedded up: disk full"},
		{"silence", `exit 3`, "exit status 3; its logs are in"},
		{"no access", `exit 0`, "Run `make build`"},
		{"not JSON", `echo hello; exit 0`, `"hello"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := fake(t, tc.script)
			_, err := e.Up(t.Context(), ignore)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("err = %v, want one with %q", err, tc.want)
			}
			if _, err := e.home.Access(); !errors.Is(err, cluster.ErrAbsent) {
				t.Errorf("a failed up left a record: %v", err)
			}
		})
	}
}

func TestEmbeddedCancelWaitsForRollback(t *testing.T) {
	e := fake(t, `
trap 'echo undone > "$3/undone"; exit 1' TERM
echo '{"phase":"etcd","title":"Storage"}'
while :; do read -r _ < "$3/never" || exit 9; done
`)
	if err := e.home.Ensure(); err != nil {
		t.Fatal(err)
	}
	mkfifo(t, filepath.Join(e.home.Dir(), "never"))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := e.Up(ctx, func(cluster.Phase) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v, want context.Canceled", err)
	}
	if _, err := os.Stat(filepath.Join(e.home.Dir(), "undone")); err != nil {
		t.Errorf("up returned before the rollback ended: %v", err)
	}
}

func TestEmbeddedStatus(t *testing.T) {
	e := fake(t, `echo '{"state":"running","kubeconfig":"/k","parts":[{"name":"etcd","state":"running","pid":7,"restarts":1}]}'`)
	s, err := e.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.State != cluster.StateRunning || s.Kubeconfig != "/k" || s.Provider != "embedded" || len(s.Parts) != 1 || s.Parts[0].PID != 7 {
		t.Errorf("status = %+v", s)
	}
}

func TestEmbeddedDeleteForgets(t *testing.T) {
	e := fake(t, `[ "$1" = up ] && echo '{"access":{"kubeconfig":"/k"}}' || exit 0`)
	if _, err := e.Up(t.Context(), ignore); err != nil {
		t.Fatal(err)
	}
	if err := e.Delete(t.Context(), ignore); err != nil {
		t.Fatal(err)
	}
	if homes, err := cluster.Homes(e.home.State()); err != nil || len(homes) != 0 {
		t.Errorf("homes after delete = %v, %v", homes, err)
	}
}

func TestFindEmbeddedSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, want := range []string{"", filepath.Join(t.TempDir(), "no")} {
		if _, err := Find(want); err == nil || !strings.Contains(err.Error(), "`make build`") {
			t.Errorf("Find(%q): %v", want, err)
		}
	}
}

func mkfifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}
