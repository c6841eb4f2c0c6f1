package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
)

// wire reads what this program is to print. The main module, which reads that,
// is tested against the same files.
func wire(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func labAccess() access {
	return access{
		Provider: "embedded", Name: "lab", Kubeconfig: "/s/clusters/lab/kubeconfig", Context: "k8stutor-lab",
		Server: "https://127.0.0.1:6443", Version: "v1.36.3", NodeHost: "127.0.0.1", AuditLog: "/s/clusters/lab/audit.log",
	}
}

func TestUpPrintsWhatIsAgreed(t *testing.T) {
	var out bytes.Buffer
	r, err := newReporter(&out, "json")
	if err != nil {
		t.Fatal(err)
	}
	line := phaseLine{Phase: phaseControlPlane, Title: "Starting the control plane", Detail: "etcd", ElapsedMs: 12}
	r.writeJSON(line)
	line.Done, line.ElapsedMs, line.Err = true, 1500, errors.New("the disk is full").Error()
	r.writeJSON(line)
	r.access(labAccess())
	if want := wire(t, "up.jsonl"); out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestStatusPrintsWhatIsAgreed(t *testing.T) {
	got, err := json.MarshalIndent(status{access: labAccess(), State: stateBroken, Error: "etcd does not come up", Parts: []supervise.PartStatus{{
		Name: "etcd", State: "backing off", PID: 42, Restarts: 3, Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), LastLog: []string{"the disk is full"},
	}}}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if want := wire(t, "status.json"); string(got)+"\n" != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
