package controlplane

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSocketsHaveShortPaths(t *testing.T) {
	tests := []struct {
		name, dir string
		inDir     bool
	}{
		{"short", "/home/ada/.local/state/k8stutor/clusters/default", true},
		{"long", "/" + strings.Repeat("very-long-name/", 10) + "cluster", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := NewLayout(tt.dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.HasPrefix(l.Run, tt.dir+"/"); got != tt.inDir {
				t.Errorf("sockets are in %s, in the cluster's folder: %v", l.Run, tt.inDir)
			}
			for _, path := range []string{l.ControlSocket(), l.EgressSocket(), l.EtcdSocket(), l.EtcdPeerSocket()} {
				if len(path) >= maxSocketPath {
					t.Errorf("%s has %d bytes", path, len(path))
				}
			}
			again, err := NewLayout(tt.dir)
			if err != nil || again != l {
				t.Errorf("a second look says %v, %v", again, err)
			}
		})
	}
}

// TestClusterNames: the main module, where a name comes from, has the same rule
// and is tested against the same names.
func TestClusterNames(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", "names.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names struct{ Good, Bad []string }
	if err := json.Unmarshal(data, &names); err != nil {
		t.Fatal(err)
	}
	for _, name := range names.Good {
		if _, err := NewCluster(name, time.Now()); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range names.Bad {
		if _, err := NewCluster(name, time.Now()); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestStateSurvives(t *testing.T) {
	l, c := newTestCluster(t)
	if _, err := LoadCluster(l); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	c.Bootstrapped = true
	if err := c.Save(l); err != nil {
		t.Fatal(err)
	}
	got, err := LoadCluster(l)
	if err != nil || got != c {
		t.Errorf("got %+v, %v, want %+v", got, err, c)
	}
}

func TestDamagedState(t *testing.T) {
	for name, text := range map[string]string{
		"empty":        "",
		"cut off":      `{"version":1,"name":"la`,
		"other":        `[]`,
		"newer":        `{"version":2,"name":"lab","nodeName":"n","apiServerPort":1,"kubeletPort":2}`,
		"without port": `{"version":1,"name":"lab","nodeName":"n"}`,
		"bad name":     `{"version":1,"name":"../x","nodeName":"n","apiServerPort":1,"kubeletPort":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := newTestCluster(t)
			write(t, l.State(), text)
			var damaged *DamagedError
			_, err := LoadCluster(l)
			if !errors.As(err, &damaged) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), l.State()) || !strings.Contains(err.Error(), "delete") {
				t.Errorf("%q does not say which file and what to do", err)
			}
		})
	}
}

func TestTakenPortIsReplaced(t *testing.T) {
	c, err := NewCluster("lab", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	before := c
	if changed, err := c.EnsurePorts(); err != nil || changed || c != before {
		t.Errorf("free ports were changed: %+v → %+v, %v", before, c, err)
	}
	l, err := net.Listen("tcp", loopbackAddr(c.APIServerPort))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	changed, err := c.EnsurePorts()
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if c.APIServerPort == before.APIServerPort || c.KubeletPort != before.KubeletPort {
		t.Errorf("ports %d, %d became %d, %d", before.APIServerPort, before.KubeletPort, c.APIServerPort, c.KubeletPort)
	}
}

func loopbackAddr(port int) string {
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()
}

func TestRemoveLeavesWhatIsNotOurs(t *testing.T) {
	l, c := newTestCluster(t)
	if err := errors.Join(WriteConfig(l, c), c.Save(l)); err != nil {
		t.Fatal(err)
	}
	write(t, l.AuditLog(), "{}\n")
	write(t, filepath.Join(l.Dir, "audit-2026-11-21T00-00-00.000.log"), "{}\n")
	mine := filepath.Join(l.Dir, "thesis.txt")
	write(t, mine, "mine")
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(l.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "thesis.txt" {
		t.Errorf("left: %v, %v; want thesis.txt only", entries, err)
	}
	remove(t, mine)
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty folder is still there: %v", err)
	}
}
