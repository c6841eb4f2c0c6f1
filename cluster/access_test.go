package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func TestWriteKubeconfigPointsToTheNamespace(t *testing.T) {
	ours := clientcmdapi.NewConfig()
	ours.Clusters["c"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}
	ours.AuthInfos["u"] = &clientcmdapi.AuthInfo{}
	ours.Contexts["ours"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	access := Access{Kubeconfig: filepath.Join(t.TempDir(), "kubeconfig"), Context: "ours"}
	if err := clientcmd.WriteToFile(*ours, access.Kubeconfig); err != nil {
		t.Fatal(err)
	}
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
