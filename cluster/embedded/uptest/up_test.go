//go:build linux

package uptest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// TestUpDownUp walks one cluster through its life, as an unprivileged user.
func TestUpDownUp(t *testing.T) {
	l := newLab(t, binary(t), "lab")
	if st := l.status(t); st.State != "absent" {
		t.Errorf("before: %+v", st)
	}
	a := l.up(t)
	t.Run("new", func(t *testing.T) { checkNew(t, l, a) })
	t.Run("data survives a pause", func(t *testing.T) { checkPause(t, l, a) })
	t.Run("a running one is joined", func(t *testing.T) {
		before := l.status(t).part(t, "apiserver")
		if again := l.up(t); again != a {
			t.Errorf("access is %+v, was %+v", again, a)
		}
		if after := l.status(t).part(t, "apiserver"); after.PID != before.PID {
			t.Errorf("the API server was restarted: %+v", after)
		}
	})
	t.Run("a killed part is restarted", func(t *testing.T) { checkPartKilled(t, l, a) })
	t.Run("a killed supervisor takes all with it", func(t *testing.T) { checkSupervisorKilled(t, l, a) })
	t.Run("a taken port is replaced", func(t *testing.T) { checkPortTaken(t, l, a) })
	l.must(t, "delete")
	if _, err := os.Stat(l.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after delete the folder is still there: %v", err)
	}
	if pids := l.processes(t); len(pids) > 0 {
		t.Errorf("after delete these processes are left: %v", pids)
	}
	if st := l.status(t); st.State != "absent" {
		t.Errorf("after delete: %+v", st)
	}
}

func checkNew(t *testing.T, l lab, a access) {
	if a.Provider != "embedded" || a.Name != "lab" || a.Context != "k8stutor-lab" || a.Version != "v1.36.3" || a.NodeHost != "127.0.0.1" {
		t.Errorf("access: %+v", a)
	}
	c := client(t, a)
	version, err := c.Discovery().ServerVersion()
	if err != nil || version.GitVersion != a.Version {
		t.Errorf("server version %v, %v", version, err)
	}
	node, err := c.CoreV1().Nodes().Get(t.Context(), "lab-control-plane", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !nodeReady(node) || node.Spec.PodCIDR != "10.244.0.0/24" || len(node.Spec.Taints) > 0 {
		t.Errorf("node: %+v %+v", node.Spec, node.Status.Conditions)
	}
	pods, err := c.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, pod := range pods.Items {
		names[strings.TrimSuffix(pod.Name, "-lab-control-plane")] = true
		if pod.Status.Phase != corev1.PodRunning {
			t.Errorf("%s is %s", pod.Name, pod.Status.Phase)
		}
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		if !names[name] {
			t.Errorf("kube-system has no %s: %v", name, names)
		}
	}
	logs, err := c.CoreV1().Pods("kube-system").GetLogs("kube-apiserver-lab-control-plane", &corev1.PodLogOptions{}).DoRaw(t.Context())
	if err != nil || !bytes.Contains(logs, []byte("v1.36.3")) {
		t.Errorf("the API server's log: %d bytes, %v", len(logs), err)
	}
	st := l.status(t)
	if st.State != "running" || len(st.Parts) != 5 {
		t.Errorf("status: %+v", st)
	}
	until(t, "the question about the log in the audit log", func() bool {
		audit, err := os.ReadFile(a.AuditLog)
		return err == nil && bytes.Contains(audit, []byte(`"subresource":"log"`)) && bytes.Contains(audit, []byte(`"username":"kubernetes-admin"`))
	})
	if audit, err := os.ReadFile(a.AuditLog); err != nil || bytes.Contains(audit, []byte("system:kube-scheduler\",\"groups")) {
		t.Errorf("the audit log holds the scheduler's requests: %v", err)
	}
}

func nodeReady(node *corev1.Node) bool {
	for _, cond := range node.Status.Conditions {
		if cond.Type == corev1.NodeReady {
			return cond.Status == corev1.ConditionTrue
		}
	}
	return false
}

func checkPause(t *testing.T, l lab, a access) {
	c := client(t, a)
	deploy(t, c, "go-api", 3)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "notes"}, Data: map[string]string{"answer": "42"}}
	if _, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	l.must(t, "down")
	if st := l.status(t); st.State != "paused" || len(st.Parts) != 0 {
		t.Errorf("after down: %+v", st)
	}
	if pids := l.processes(t); len(pids) > 0 {
		t.Errorf("after down these processes are left: %v", pids)
	}
	if healthy(t, a) {
		t.Error("the API server answers after down")
	}
	l.must(t, "down") // again: nothing to do
	if again := l.up(t); again != a {
		t.Errorf("access after the pause is %+v, was %+v", again, a)
	}
	got, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), "notes", metav1.GetOptions{})
	if err != nil || got.Data["answer"] != "42" {
		t.Errorf("the ConfigMap is gone: %v", err)
	}
	available(t, c, "go-api", 3)
}

func deploy(t *testing.T, c kubernetes.Interface, name string, replicas int32) {
	t.Helper()
	labels := map[string]string{"app": name}
	_, err := c.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "go-api:0.0.1"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	available(t, c, name, replicas)
}

func available(t *testing.T, c kubernetes.Interface, name string, replicas int32) {
	t.Helper()
	until(t, name+" to be available", func() bool {
		d, err := c.AppsV1().Deployments("default").Get(t.Context(), name, metav1.GetOptions{})
		return err == nil && d.Status.AvailableReplicas == replicas && d.Status.ObservedGeneration == d.Generation
	})
}

func checkPartKilled(t *testing.T, l lab, a access) {
	before := l.status(t).part(t, "apiserver")
	kill(t, before.PID)
	until(t, "the restart", func() bool { return l.status(t).part(t, "apiserver").Restarts == before.Restarts+1 })
	after := l.status(t).part(t, "apiserver")
	if after.Exit != "signal: killed" || len(after.LastLog) == 0 {
		t.Errorf("status tells of the end: %q, last lines %q", after.Exit, after.LastLog)
	}
	until(t, "the API server", func() bool { return healthy(t, a) })
	until(t, "status running", func() bool { return l.status(t).State == "running" })
}

func checkSupervisorKilled(t *testing.T, l lab, a access) {
	pid, err := os.ReadFile(filepath.Join(l.dir, "supervisor.lock"))
	if err != nil {
		t.Fatal(err)
	}
	supervisor, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.processes(t)) < 6 {
		t.Fatalf("processes: %v", l.processes(t))
	}
	kill(t, supervisor)
	until(t, "the end of all processes", func() bool { return len(l.processes(t)) == 0 })
	if st := l.status(t); st.State != "paused" {
		t.Errorf("status: %+v", st)
	}
	if again := l.up(t); again != a {
		t.Errorf("access is %+v, was %+v", again, a)
	}
	available(t, client(t, a), "go-api", 3)
}

func checkPortTaken(t *testing.T, l lab, a access) {
	l.must(t, "down")
	server, err := url.Parse(a.Server)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", server.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	b := l.up(t)
	if b.Server == a.Server || !healthy(t, b) {
		t.Errorf("the server is %s", b.Server)
	}
	available(t, client(t, b), "go-api", 3)
}

// TestSideBySide runs two clusters at once, and Pods of both with the same
// addresses.
func TestSideBySide(t *testing.T) {
	bin := binary(t)
	one, two := newLab(t, bin, "one"), newLab(t, bin, "two")
	a, b := one.up(t), two.up(t)
	deploy(t, client(t, a), "only-in-one", 1)
	if _, err := client(t, b).AppsV1().Deployments("default").Get(t.Context(), "only-in-one", metav1.GetOptions{}); err == nil {
		t.Error("a Deployment of one is in two")
	}
	one.must(t, "delete")
	if !healthy(t, b) || two.status(t).State != "running" {
		t.Errorf("two after the end of one: %+v", two.status(t))
	}
}

// TestInterruptRollsBack presses Ctrl-C while a new cluster comes up.
func TestInterruptRollsBack(t *testing.T) {
	bin := binary(t)
	for name, processes := range map[string]int{
		"the supervisor has just been started": 2, // up and the supervisor, which is no more than a process yet
		"the parts run":                        7,
	} {
		t.Run(name, func(t *testing.T) { interrupted(t, newLab(t, bin, "lab"), processes) })
	}
}

// interrupted presses Ctrl-C when so many processes of the cluster are there.
func interrupted(t *testing.T, l lab, processes int) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := l.cmd(ctx, "up", "--name", l.name, "--progress", "json")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the processes", func() bool { return len(l.processes(t)) >= processes })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("up says that it succeeded")
	}
	if pids := l.processes(t); len(pids) > 0 {
		t.Errorf("these processes are left: %v", pids)
	}
	if _, err := os.Stat(l.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	lines := parse(t, &out)
	if last := lines[len(lines)-1]; last.Phase != "rollback" || !last.Done || last.Err != "" {
		t.Errorf("the last line is %+v", last)
	}
}

// TestRefusals are what up says when it can't work.
func TestRefusals(t *testing.T) {
	bin := binary(t)
	tests := []struct {
		name    string
		prepare func(t *testing.T, l *lab)
		want    []string
	}{
		{"folder not writable", func(t *testing.T, l *lab) {
			if os.Getuid() == 0 {
				l.dir = filepath.Join("/", "k8stutor-not-writable", "c")
				return
			}
			if err := os.Chmod(filepath.Dir(l.dir), 0o500); err != nil {
				t.Fatal(err)
			}
		}, []string{"permission denied", "choose a folder"}},
		{"bad name", func(_ *testing.T, l *lab) { l.name = "Not/OK" }, []string{"cluster name", "lower-case"}},
		{"damaged state", func(t *testing.T, l *lab) {
			own(t, l, "cluster.json", `{"version":1,`)
		}, []string{"damaged", "cluster.json", "delete"}},
		{"other cluster", func(t *testing.T, l *lab) {
			own(t, l, "cluster.json", `{"version":1,"name":"other","nodeName":"other-control-plane","apiServerPort":1,"kubeletPort":2}`)
		}, []string{`holds the cluster "other"`, "choose another folder"}},
		{"missing certificates", func(t *testing.T, l *lab) {
			own(t, l, "cluster.json", `{"version":1,"name":"lab","nodeName":"lab-control-plane","apiServerPort":1,"kubeletPort":2}`)
		}, []string{"damaged", "ca.crt", "delete"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, bin, "lab")
			broken := l
			tt.prepare(t, &broken)
			r := broken.command(t.Context(), "up", "--name", broken.name)
			if r.err == nil {
				t.Fatal("up succeeded")
			}
			for _, want := range tt.want {
				if !strings.Contains(r.stderr.String(), want) {
					t.Errorf("%q does not say %q", r.stderr.String(), want)
				}
			}
			if strings.Contains(tt.name, "damaged") {
				if st := l.status(t); st.State != "broken" || !strings.Contains(st.Error, "damaged") {
					t.Errorf("status: %+v", st)
				}
			}
		})
	}
}

// own writes a file into the cluster's folder.
func own(t *testing.T, l *lab, name, text string) {
	t.Helper()
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(l.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		for _, p := range []string{l.dir, path} {
			if err := os.Chown(p, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
}
