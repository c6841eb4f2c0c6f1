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
// When dir is too long for Unix sockets, they go to a folder in the system's
// temporary folder that is named after dir and the user.
func NewLayout(dir string) (Layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("finding the cluster's folder %s: %w", dir, err)
	}
	l := Layout{Dir: abs, Run: filepath.Join(abs, "run")}
	if len(filepath.Join(l.Run, longestSocket)) < maxSocketPath {
		return l, nil
	}
	sum := sha256.Sum256([]byte(abs))
	short := fmt.Sprintf("k8stutor-%d-%s", os.Getuid(), hex.EncodeToString(sum[:6]))
	for _, tmp := range []string{os.TempDir(), "/tmp"} {
		l.Run = filepath.Join(tmp, short)
		if len(filepath.Join(l.Run, longestSocket)) < maxSocketPath {
			return l, nil
		}
	}
	return Layout{}, fmt.Errorf("the path %s is too long for Unix sockets and so is the temporary folder %s; choose a shorter folder", abs, os.TempDir())
}

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

// owned lists what may be in Dir: everything k8stutor writes there.
func (l Layout) owned() []string {
	return []string{
		l.State(), l.Kubeconfig(), l.Logs(), l.Manifests(), l.EtcdData(), l.Node(), l.PKI(), l.Conf(),
		filepath.Join(l.Dir, "run"), l.Run,
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

// makeRun makes the folder of the sockets. It may be in a temporary folder that
// others can write to, so it has to be a real directory of ours.
func (l Layout) makeRun() error {
	if err := os.Mkdir(l.Run, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the folder for sockets: %w", err)
	}
	info, err := os.Lstat(l.Run)
	if err != nil {
		return fmt.Errorf("looking at the folder for sockets: %w", err)
	}
	if !info.IsDir() || !ownedByUs(info) {
		return fmt.Errorf("%s is not a folder of this user; remove it and try again", l.Run)
	}
	if err := os.Chmod(l.Run, 0o700); err != nil {
		return fmt.Errorf("making the folder for sockets private: %w", err)
	}
	return nil
}

// Remove removes everything that k8stutor wrote for the cluster, and the folder
// itself when nothing else is in it. What does not exist is not an error.
func (l Layout) Remove() error {
	var errs []error
	for _, path := range l.owned() {
		errs = append(errs, os.RemoveAll(path))
	}
	logs, _ := filepath.Glob(filepath.Join(l.Dir, "audit*.log")) // the rotated ones too
	for _, path := range append(logs, l.Lock(), l.UpLock()) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing the cluster in %s: %w", l.Dir, err)
	}
	// Fails when something else is in it, which is then not ours to remove.
	_ = os.Remove(l.Dir)
	return nil
}
