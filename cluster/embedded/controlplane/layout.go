// Package controlplane knows how one embedded cluster is laid out on disk and
// how its parts are configured: folders and ports, certificates, kubeconfig
// files, the command lines of etcd, kube-apiserver, kube-controller-manager and
// kube-scheduler, and the manifests of their static Pods. It starts nothing.
package controlplane

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSocketPath is how long the path of a Unix socket may be. The limit is 104
// bytes on macOS and the BSDs, 108 on Linux, including the closing NUL.
const maxSocketPath = 100

// longestSocket is the longest name of a socket in the run folder.
const longestSocket = "supervisor.sock"

// Layout names the files of one cluster. It is a value; its methods only
// build paths.
type Layout struct {
	Dir string // absolute; everything of the cluster is in it
	Run string // absolute and short, for sockets
}

// NewLayout returns the layout of the cluster in dir, which need not exist.
// When dir is too long for Unix sockets, they go to a folder named after dir and
// the user in $XDG_RUNTIME_DIR or in a temporary folder; a cluster that exists
// has noted which (a symbolic link "run"), whatever the environment says since.
func NewLayout(dir string) (Layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("finding the cluster's folder %s: %w", dir, err)
	}
	l := Layout{Dir: abs, Run: filepath.Join(abs, runName)}
	if fits(l.Run) {
		return l, nil
	}
	if noted, err := os.Readlink(l.Run); err == nil && filepath.IsAbs(noted) && fits(noted) {
		l.Run = noted
		return l, nil
	}
	sum := sha256.Sum256([]byte(abs))
	short := fmt.Sprintf("k8stutor-%d-%s", os.Getuid(), hex.EncodeToString(sum[:6]))
	for _, tmp := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if l.Run = filepath.Join(tmp, short); filepath.IsAbs(l.Run) && fits(l.Run) {
			return l, nil
		}
	}
	return Layout{}, fmt.Errorf("the path %s is too long for Unix sockets and so is the temporary folder %s; choose a shorter folder", abs, os.TempDir())
}

// runName is the folder of the sockets in the cluster's folder, or a link to it.
const runName = "run"

func fits(run string) bool { return len(filepath.Join(run, longestSocket)) < maxSocketPath }

// Paths of the cluster's files.
func (l Layout) State() string          { return filepath.Join(l.Dir, "cluster.json") }
func (l Layout) Lock() string           { return filepath.Join(l.Dir, "supervisor.lock") }
func (l Layout) UpLock() string         { return filepath.Join(l.Dir, "up.lock") }
func (l Layout) Kubeconfig() string     { return filepath.Join(l.Dir, "kubeconfig") }
func (l Layout) AuditLog() string       { return filepath.Join(l.Dir, "audit.log") }
func (l Layout) Logs() string           { return filepath.Join(l.Dir, "logs") }
func (l Layout) Manifests() string      { return filepath.Join(l.Dir, "manifests") }
func (l Layout) EtcdData() string       { return filepath.Join(l.Dir, "etcd") }
func (l Layout) Node() string           { return filepath.Join(l.Dir, "node") }
func (l Layout) NodeHost() string       { return filepath.Join(l.Node(), "host") }
func (l Layout) PKI() string            { return filepath.Join(l.Dir, "pki") }
func (l Layout) Conf() string           { return filepath.Join(l.Dir, "conf") }
func (l Layout) AuditPolicy() string    { return filepath.Join(l.Conf(), "audit-policy.yaml") }
func (l Layout) EgressConfig() string   { return filepath.Join(l.Conf(), "egress.yaml") }
func (l Layout) ControlSocket() string  { return filepath.Join(l.Run, longestSocket) }
func (l Layout) EgressSocket() string   { return filepath.Join(l.Run, "egress.sock") }
func (l Layout) EtcdSocket() string     { return filepath.Join(l.Run, "etcd.sock") }
func (l Layout) EtcdPeerSocket() string { return filepath.Join(l.Run, "peer.sock") }

// Log is the log file of a part.
func (l Layout) Log(part string) string { return filepath.Join(l.Logs(), part+".log") }

// Cert and Key are the files of a certificate and of its private key.
func (l Layout) Cert(name string) string { return filepath.Join(l.PKI(), name+".crt") }
func (l Layout) Key(name string) string  { return filepath.Join(l.PKI(), name+".key") }

// ComponentKubeconfig is the kubeconfig file of a component: "kubelet",
// "controller-manager", "scheduler" or "system".
func (l Layout) ComponentKubeconfig(name string) string {
	return filepath.Join(l.Conf(), name+".kubeconfig")
}

// owned lists what k8stutor writes into Dir, but for what says that it is a
// cluster's (see lifecycle.go), locks and audit logs.
func (l Layout) owned() []string {
	return []string{
		l.EtcdData(), l.Kubeconfig(), l.Logs(), l.Manifests(), l.Node(), l.PKI(), l.Conf(),
		filepath.Join(l.Dir, runName),
	}
}

// MakeDirs makes the folders, for this user only.
func (l Layout) MakeDirs() error {
	for _, dir := range []string{l.Dir, l.Logs(), l.Manifests(), l.Node(), l.PKI(), l.Conf(), l.EtcdData()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the cluster's folder: %w; choose a folder you may write to", err)
		}
	}
	return l.makeRun()
}

// makeRun makes the folder of the sockets and notes where it is. It may be in a
// temporary folder that others can write to, so it has to be a real directory
// of ours.
func (l Layout) makeRun() error {
	if err := os.Mkdir(l.Run, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the folder for sockets: %w", err)
	}
	if err := l.CheckRun(); err != nil {
		return err
	}
	note := filepath.Join(l.Dir, runName)
	if l.Run == note {
		return nil
	}
	if noted, err := os.Readlink(note); err == nil && noted == l.Run {
		return nil
	}
	if err := os.RemoveAll(note); err != nil {
		return fmt.Errorf("noting the folder for sockets: %w", err)
	}
	if err := os.Symlink(l.Run, note); err != nil {
		return fmt.Errorf("noting the folder for sockets: %w", err)
	}
	return nil
}

// CheckRun fails when the folder of the sockets is another user's, or others may
// change it: whoever made it could answer in the cluster's name. It is to be
// called before a socket in it is dialled. A folder that does not exist is fine.
func (l Layout) CheckRun() error {
	info, err := os.Lstat(l.Run)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the folder for sockets: %w", err)
	}
	if !info.IsDir() || !private(info) {
		return fmt.Errorf("%s, the folder for the cluster's sockets, is not a folder of this user alone: remove it, or choose a shorter folder for the cluster", l.Run)
	}
	return nil
}
