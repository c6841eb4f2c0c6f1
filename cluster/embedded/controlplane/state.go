package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// Fixed addresses of every embedded cluster. They are virtual: nothing of them
// exists on the host, so clusters side by side do not meet.
const (
	KubernetesVersion = "v1.36.3"
	EtcdVersion       = "3.6.8"

	NodeIP        = "172.18.0.2"
	PodCIDR       = "10.244.0.0/24"
	ClusterCIDR   = "10.244.0.0/16"
	ServiceCIDR   = "10.96.0.0/16"
	APIServiceIP  = "10.96.0.1"
	DNSServiceIP  = "10.96.0.10"
	ClusterDomain = "cluster.local"
	NodePorts     = "30000-32767"
)

// stateVersion is the version of cluster.json that this program writes.
const stateVersion = 1

// minFreeSpace is what a new cluster needs on disk: etcd's data and write-ahead
// log, the logs, and room to work.
const minFreeSpace = 200 << 20

// Cluster is what has to be remembered of a cluster between one up and the
// next. It is kept in cluster.json.
type Cluster struct {
	Version       int       `json:"version"`
	Name          string    `json:"name"`
	NodeName      string    `json:"nodeName"`
	APIServerPort int       `json:"apiServerPort"` // on 127.0.0.1
	KubeletPort   int       `json:"kubeletPort"`   // on 127.0.0.1
	Created       time.Time `json:"created"`
	// Bootstrapped says that the objects every cluster starts with were made.
	Bootstrapped bool `json:"bootstrapped"`
}

// DamagedError says that a cluster's files cannot be used.
type DamagedError struct {
	Path string
	Err  error
}

// Error says what is damaged and what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the cluster's files are damaged: %s: %v; delete and re-create the cluster", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// validName is the rule of the main module, cluster.NewHome, which passes the
// name on; the node's host name is made of it.
var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// NewCluster returns a cluster that does not exist yet, with free ports.
func NewCluster(name string, now time.Time) (Cluster, error) {
	if !validName.MatchString(name) {
		return Cluster{}, fmt.Errorf("the cluster name %q can't be used: take up to 32 lower-case letters, digits and dashes, a letter or digit first and last", name)
	}
	c := Cluster{Version: stateVersion, Name: name, NodeName: name + "-control-plane", Created: now.UTC().Truncate(time.Second)}
	_, err := c.EnsurePorts()
	return c, err
}

// ContextName is the cluster's context in its kubeconfig file.
func (c Cluster) ContextName() string { return "k8stutor-" + c.Name }

// Server is the URL of the API server.
func (c Cluster) Server() string {
	return "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(c.APIServerPort))
}

// EnsurePorts replaces ports that another program has taken meanwhile (and
// ports not chosen yet) by free ones and reports whether it changed any.
func (c *Cluster) EnsurePorts() (changed bool, err error) {
	for _, port := range []*int{&c.APIServerPort, &c.KubeletPort} {
		if *port != 0 && portFree(*port) {
			continue
		}
		changed = true
		if *port, err = freePort(); err != nil {
			return changed, err
		}
	}
	if c.APIServerPort == c.KubeletPort { // the kernel may hand out a port again at once
		c.KubeletPort, err = freePort()
	}
	return changed, err
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port on 127.0.0.1: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// LoadCluster reads cluster.json. The error is fs.ErrNotExist when there is no
// cluster and a *DamagedError when the file can't be used.
func LoadCluster(l Layout) (Cluster, error) {
	data, err := os.ReadFile(l.State())
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return Cluster{}, err
		}
		return Cluster{}, fmt.Errorf("reading the cluster's state: %w", err)
	}
	var c Cluster
	if err := json.Unmarshal(data, &c); err != nil {
		return Cluster{}, &DamagedError{Path: l.State(), Err: err}
	}
	if c.Version != stateVersion {
		return Cluster{}, &DamagedError{Path: l.State(), Err: fmt.Errorf("version %d, this program knows version %d", c.Version, stateVersion)}
	}
	if !validName.MatchString(c.Name) || c.NodeName == "" || c.APIServerPort <= 0 || c.KubeletPort <= 0 {
		return Cluster{}, &DamagedError{Path: l.State(), Err: errors.New("name or ports are missing")}
	}
	return c, nil
}

// Save writes cluster.json in one step.
func (c Cluster) Save(l Layout) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the cluster's state: %w", err)
	}
	return WriteFile(l.State(), append(data, '\n'))
}

// CheckSpace fails when the disk of the cluster's folder is about to be full.
func CheckSpace(l Layout) error {
	free, err := freeSpace(l.Dir)
	if err != nil {
		return fmt.Errorf("asking for the free space of %s: %w", l.Dir, err)
	}
	if free < minFreeSpace {
		return fmt.Errorf("only %d MB are free on the disk of %s and a cluster needs %d MB: make room or choose another folder", free>>20, l.Dir, minFreeSpace>>20)
	}
	return nil
}

// DiskFull reports whether nothing more can be written to the disk of the
// cluster's folder.
func DiskFull(l Layout) bool {
	free, err := freeSpace(l.Dir)
	return err == nil && free < 1<<20
}

// WriteFile writes a file for this user only, whole or not at all: it writes a
// temporary file beside it and renames it.
func WriteFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	if _, err = f.Write(data); err != nil {
		_ = f.Close()
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
