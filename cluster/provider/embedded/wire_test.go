package embedded

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster"
)

// wire reads what k8stutor-embedded prints. Its own module is tested against the
// same files.
func wire(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadsWhatUpPrints(t *testing.T) {
	var got []cluster.Phase
	access, failed, err := readLines(bytes.NewReader(wire(t, "up.jsonl")), func(p cluster.Phase) { got = append(got, p) })
	if err != nil || failed == nil || failed.Error() != "Starting the control plane: the disk is full" {
		t.Errorf("failed %v, %v", failed, err)
	}
	if len(got) != 2 || got[0].ID != "control-plane" || got[0].Title != "Starting the control plane" || got[0].Detail != "etcd" ||
		got[0].Done || got[0].Elapsed != 12*time.Millisecond || !got[1].Done || got[1].Elapsed != 1500*time.Millisecond {
		t.Errorf("phases %+v", got)
	}
	want := cluster.Access{
		Provider: "embedded", Name: "lab", Kubeconfig: "/s/clusters/lab/kubeconfig", Context: "k8stutor-lab",
		Server: "https://127.0.0.1:6443", Version: "v1.36.3", NodeHost: "127.0.0.1", AuditLog: "/s/clusters/lab/audit.log",
	}
	if access == nil || *access != want {
		t.Errorf("access %+v", access)
	}
}

// TestStatusSurvives: nothing of a status is lost when it is read and written.
func TestStatusSurvives(t *testing.T) {
	data := wire(t, "status.json")
	var s cluster.Status
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	again, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if string(again)+"\n" != string(data) {
		t.Errorf("got\n%s\nwant\n%s", again, data)
	}
}
