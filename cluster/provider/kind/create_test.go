//go:build unix

package kind

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	kinderrors "sigs.k8s.io/kind/pkg/errors"
	kindexec "sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
	"github.com/k8stutor/k8stutor/cluster/provider/engine/enginetest"
)

func testKind(t *testing.T) *Provider {
	t.Helper()
	home, err := cluster.NewHome(t.TempDir(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := home.Ensure(); err != nil {
		t.Fatal(err)
	}
	return New(home, "", "")
}

func TestKindConfigKeepsAnAuditLog(t *testing.T) {
	k := testKind(t)
	c, err := k.config()
	if err != nil {
		t.Fatal(err)
	}
	if m := c.Nodes[0].ExtraMounts; len(m) != 1 || m[0].HostPath != k.auditDir() {
		t.Errorf("mounts: %+v", m)
	}
	info, err := os.Stat(k.auditLog())
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 0 {
		t.Errorf("the log must be there, empty and ours: %v %v", info, err)
	}
	versions := map[string]string{}
	for _, p := range c.KubeadmConfigPatchesJSON6902 {
		versions[p.Version] = p.Patch
	}
	for version, want := range map[string]string{
		"v1beta4": "path: /apiServer/extraArgs/-, value: {name: audit-log-path, value: \"/k8stutor/audit/audit.log\"}",
		"v1beta3": "path: /apiServer/extraArgs/audit-log-path, value: \"/k8stutor/audit/audit.log\"",
	} {
		if !strings.Contains(versions[version], want) {
			t.Errorf("%s has no %q:\n%s", version, want, versions[version])
		}
		if !strings.Contains(versions[version], autoscalerFlag) {
			t.Errorf("%s does not set the autoscaler's period:\n%s", version, versions[version])
		}
	}
	// What the learner asked is not lost when the cluster is resumed.
	if err := os.WriteFile(k.auditLog(), []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.prepareAudit(); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(k.auditLog()); string(data) != "{}\n" {
		t.Errorf("the log holds %q", data)
	}
}

func TestKindFindKnowsItsOwn(t *testing.T) {
	k := testKind(t)
	for _, tc := range []struct {
		name, nodes, mount string
		record, foreign    bool
		want               kindState
	}{
		{name: "nothing", want: kindAbsent},
		{name: "half made", nodes: "n", mount: k.auditDir(), want: kindUnfinished},
		{name: "engine in a virtual machine", nodes: "n", mount: "/host_mnt" + k.auditDir(), want: kindUnfinished},
		{name: "another state folder", nodes: "n", mount: "/elsewhere/audit", foreign: true},
		{name: "no mount of ours", nodes: "n", foreign: true},
		{name: "made", nodes: "n", mount: k.auditDir(), record: true, want: kindMade},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enginetest.Install(t, map[string]string{"docker": `case $1 in
ps) echo "` + tc.nodes + `" | grep . || true;;
inspect) echo "` + tc.mount + `"; echo /var/lib/docker/volumes/v;;
esac`})
			t.Setenv("PATH", os.Getenv("PATH")+":/bin:/usr/bin")
			if tc.record {
				if err := k.home.Save(cluster.Access{Provider: "kind", Name: "x"}); err != nil {
					t.Fatal(err)
				}
			}
			use, err := k.open(t.Context(), log.NoopLogger{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := k.find(t.Context(), use)
			var foreign *ForeignError
			if errors.As(err, &foreign) != tc.foreign || err != nil && !tc.foreign || got != tc.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestKindSaysWhyItFailed(t *testing.T) {
	k := testKind(t)
	// What docker 20.10, runc under podman 4.3, and kubeadm wrote.
	ran := func(output string) error {
		err := &kindexec.RunError{Command: []string{"docker", "run"}, Output: []byte(output), Inner: errors.New("exit status 125")}
		return kinderrors.Wrap(err, "failed to create cluster")
	}
	for _, tc := range []struct {
		name, docker string
		err          error
		want         string
	}{
		{"engine gone", "exit 1", errors.New("exit status 1"), "docker stopped answering"},
		{"disk full", "exit 0", errors.New("write /x: no space left on device"), "the disk of docker is full"},
		{"port", "exit 0", errors.New("bind: address already in use"), "taken meanwhile"},
		{"else", "exit 0", errors.New("kubeadm said no"), "create the cluster: kubeadm said no"},
		{"a command without a word", "exit 0", ran("\n"), `command "docker run" failed with error: exit status 125`},
		{
			"port, in the output", "exit 0",
			ran("b0b0\ndocker: Error response from daemon: driver failed: Bind for 127.0.0.1:30080 failed: port is already allocated.\nSee 'docker run --help'.\n"),
			"taken meanwhile",
		},
		{
			"not allowed", "exit 0", ran("Error: runc create failed: error setting rlimit type 7: operation not permitted: OCI permission denied\n"),
			"exit status 125: Error: runc create failed: error setting rlimit type 7: operation not permitted",
		},
		{
			"kubeadm, with its stack", "exit 0",
			ran("[wait-control-plane] Waiting\nerror: error execution phase wait-control-plane: kube-scheduler check failed\nk8s.io/kubernetes/cmd/kubeadm/app\n\tx.go:1\nmain.main\n\tmain.go:2\nruntime.goexit\n\tasm.s:3\n"),
			"exit status 125: error: error execution phase wait-control-plane: kube-scheduler check failed",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enginetest.Install(t, map[string]string{"docker": tc.docker})
			err := k.explain(context.Background(), engine.Engine{Name: "docker"}, tc.err)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestKindAsksOnlyTheEngineThatMadeIt(t *testing.T) {
	k := testKind(t)
	if err := k.writeEngine("podman"); err != nil {
		t.Fatal(err)
	}
	enginetest.Install(t, map[string]string{"docker": "exit 0", "podman": "exit 1"})
	if _, err := k.open(t.Context(), log.NoopLogger{}); err == nil || !strings.Contains(err.Error(), "podman is installed, but no engine answers it; cluster \"x\" was made with it") {
		t.Errorf("got %v", err)
	}
}
