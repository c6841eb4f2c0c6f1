//go:build linux

package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
)

// bareToken is the admin's in the bare control plane, which lives for seconds.
const bareToken = "admintok"

// startBare measures how long a bare control plane takes to answer /readyz:
// etcd, kube-apiserver, kube-controller-manager and kube-scheduler started at
// once with the fewest flags they run with, and nothing else.
func startBare(ctx context.Context, dir string) (elapsed, cpu time.Duration, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, 0, fmt.Errorf("making a folder for the bare control plane: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ports, err := freePorts(3)
	if err != nil {
		return 0, 0, err
	}
	kubeconfig, err := writeBare(dir, ports[0])
	if err != nil {
		return 0, 0, err
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	commands := [][]string{
		{"etcd", "--data-dir=" + filepath.Join(dir, "etcd"), "--listen-client=" + etcd, fmt.Sprintf("--listen-peer=http://127.0.0.1:%d", ports[2])},
		{
			"apiserver", "--", "--etcd-servers=" + etcd, fmt.Sprintf("--secure-port=%d", ports[0]), "--bind-address=127.0.0.1",
			"--cert-dir=" + filepath.Join(dir, "certs"), "--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-signing-key-file=" + filepath.Join(dir, "pki", "sa.key"), "--service-account-key-file=" + filepath.Join(dir, "pki", "sa.pub"),
			"--token-auth-file=" + filepath.Join(dir, "tokens.csv"), "--authorization-mode=Node,RBAC",
			"--service-cluster-ip-range=10.96.0.0/16", "--profiling=false",
		},
		{
			"kcm", "--", "--kubeconfig=" + kubeconfig, "--service-account-private-key-file=" + filepath.Join(dir, "pki", "sa.key"),
			"--use-service-account-credentials=false", "--leader-elect=false", "--secure-port=0",
		},
		{"scheduler", "--", "--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0"},
	}
	ctx, stop := context.WithCancel(ctx) // kills what was started
	began := time.Now()
	var started []*exec.Cmd
	defer func() {
		stop()
		for _, cmd := range started {
			_ = cmd.Wait() // killed, which is what it says
		}
	}()
	for _, args := range commands {
		cmd := exec.CommandContext(ctx, os.Getenv(envBinary), append([]string{"part"}, args...)...)
		if err := cmd.Start(); err != nil {
			return 0, 0, fmt.Errorf("starting the bare %s: %w", args[0], err)
		}
		started = append(started, cmd)
	}
	// The certificate is one that the API server made for itself.
	client := &http.Client{Transport: bearer{&http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	url := fmt.Sprintf("https://127.0.0.1:%d/readyz", ports[0])
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := controlplane.Poll(wait, func(ctx context.Context) bool { return controlplane.Healthy(ctx, client, url) }); err != nil {
		return 0, 0, fmt.Errorf("waiting for the bare control plane: %w", err)
	}
	elapsed = time.Since(began)
	for _, cmd := range started {
		cpu += sample(cmd.Process.Pid).cpu
	}
	return elapsed, cpu, nil
}

// bearer adds the admin's token to requests.
type bearer struct{ http.RoundTripper }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+bareToken)
	return b.RoundTripper.RoundTrip(r)
}

// writeBare writes the few files that the bare control plane needs and returns
// the path of its kubeconfig.
func writeBare(dir string, port int) (string, error) {
	l := controlplane.Layout{Dir: dir, Run: filepath.Join(dir, "run")}
	if err := l.MakeDirs(); err != nil {
		return "", err
	}
	if err := controlplane.WritePKI(l, controlplane.Cluster{Name: "bare", NodeName: "bare"}, time.Now()); err != nil {
		return "", err
	}
	if err := controlplane.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(bareToken+",admin,admin,system:masters\n")); err != nil {
		return "", err
	}
	kubeconfig := strings.NewReplacer("PORT", fmt.Sprint(port), "TOKEN", bareToken).Replace(`apiVersion: v1
kind: Config
clusters: [{name: bare, cluster: {server: "https://127.0.0.1:PORT", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: TOKEN}}]
contexts: [{name: bare, context: {cluster: bare, user: admin}}]
current-context: bare
`)
	path := filepath.Join(dir, "kubeconfig")
	return path, controlplane.WriteFile(path, []byte(kubeconfig))
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer func() { _ = l.Close() }() // all at the end, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
