//go:build unix

package cluster

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/log"
)

func testKind(t *testing.T) *Kind {
	t.Helper()
	home, err := NewHome(t.TempDir(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := home.Ensure(); err != nil {
		t.Fatal(err)
	}
	return NewKind(home, "")
}

func TestPullTellsHowFarItIs(t *testing.T) {
	engines(t, map[string]string{"docker": `cat <<END
v1: Pulling from node
aaaaaaaaaaaa: Pulling fs layer
bbbbbbbbbbbb: Pulling fs layer
aaaaaaaaaaaa: Download complete
aaaaaaaaaaaa: Pull complete
bbbbbbbbbbbb: Already exists
Digest: sha256:0
END
`})
	t.Setenv("PATH", os.Getenv("PATH")+":/bin:/usr/bin") // cat
	var got []string
	if err := (engine{name: "docker"}).pull(t.Context(), "node:v1", func(s string) { got = append(got, s) }); err != nil {
		t.Fatal(err)
	}
	want := "0 of 1 layers, 0 of 2 layers, 1 of 2 layers, 2 of 2 layers"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
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
			engines(t, map[string]string{"docker": `case $1 in
ps) echo "` + tc.nodes + `" | grep . || true;;
inspect) echo "` + tc.mount + `"; echo /var/lib/docker/volumes/v;;
esac`})
			t.Setenv("PATH", os.Getenv("PATH")+":/bin:/usr/bin")
			if tc.record {
				if err := k.home.saveAccess(Access{Provider: "kind", Name: "x"}); err != nil {
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
	for _, tc := range []struct{ name, docker, err, want string }{
		{"engine gone", "exit 1", "exit status 1", "docker stopped answering"},
		{"disk full", "exit 0", "write /x: no space left on device", "the disk of docker is full"},
		{"port", "exit 0", "bind: address already in use", "taken meanwhile"},
		{"else", "exit 0", "kubeadm said no", "create the cluster: kubeadm said no"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			engines(t, map[string]string{"docker": tc.docker})
			err := k.explain(context.Background(), engine{name: "docker"}, errors.New(tc.err))
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
	engines(t, map[string]string{"docker": "exit 0", "podman": "exit 1"})
	if _, err := k.open(t.Context(), log.NoopLogger{}); err == nil || !strings.Contains(err.Error(), "podman is installed, but no engine answers it; cluster \"x\" was made with it") {
		t.Errorf("got %v", err)
	}
}
