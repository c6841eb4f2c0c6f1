package cluster

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func TestWriteKubeconfigPointsToTheNamespace(t *testing.T) {
	_, access := worldOf(t, func(http.ResponseWriter, *http.Request) {})
	path := filepath.Join(t.TempDir(), "lesson")
	if err := access.WriteKubeconfig("tutor-x", path); err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.CurrentContext != "ours" || cfg.Contexts["ours"].Namespace != "tutor-x" {
		t.Errorf("context %q, namespace %q", cfg.CurrentContext, cfg.Contexts["ours"].Namespace)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}
