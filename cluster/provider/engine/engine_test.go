//go:build unix

package engine

import (
	"os"
	"strings"
	"testing"

	"github.com/k8stutor/k8stutor/cluster/provider/engine/enginetest"
)

// Stand-ins: none of these engines is installed where the tests run, as a rule.
func TestFindEngine(t *testing.T) {
	const answers, silent = `[ "$1" = ps ]`, "exit 1"
	for _, tc := range []struct {
		name    string
		engines map[string]string
		only    string // the engine that made the cluster
		want    string // the engine, or what the error says
	}{
		{"docker", map[string]string{"docker": answers}, "", "docker"},
		{"nerdctl", map[string]string{"nerdctl": answers}, "", "nerdctl"},
		{"podman", map[string]string{"podman": answers}, "", "podman"},
		{"kind's order", map[string]string{"podman": answers, "nerdctl": answers, "docker": answers}, "", "docker"},
		{"the one that answers", map[string]string{"docker": silent, "nerdctl": silent, "podman": answers}, "", "podman"},
		{"none answers", map[string]string{"docker": silent, "podman": silent}, "", "docker and podman are installed, but no engine answers them"},
		{"the one that made it", map[string]string{"docker": answers, "podman": answers}, "podman", "podman"},
		{"the one that made it is silent", map[string]string{"docker": answers, "podman": silent}, "podman", "podman is installed, but no engine answers it"},
		{"the one that made it is gone", map[string]string{"docker": answers}, "podman", "podman is no longer installed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enginetest.Install(t, tc.engines)
			found, err := FindOf(t.Context(), tc.only, PingTime)
			if got := found.Name; err == nil && got != tc.want {
				t.Errorf("found %s, want %s", got, tc.want)
			}
			if err != nil && err.Error() != tc.want {
				t.Errorf("error %q, want %q", err, tc.want)
			}
		})
	}
}

// What docker 20.10 and podman 4.3 write was taken down from a pull, what nerdctl
// writes is from the source of its version 2.1 (pkg/imgutil/jobs).
func TestPullTellsHowFarItIs(t *testing.T) {
	const hash = "sha256:bdbd083433cfc83d0cbc32780c361af5b2d1b9ffe48e1410ff04e1a7b02b6d4d"
	for _, tc := range []struct{ engine, says, want string }{
		{"docker", `cat <<END
v1: Pulling from node
aaaaaaaaaaaa: Pulling fs layer
bbbbbbbbbbbb: Pulling fs layer
aaaaaaaaaaaa: Verifying Checksum
aaaaaaaaaaaa: Download complete
aaaaaaaaaaaa: Pull complete
bbbbbbbbbbbb: Already exists
Digest: sha256:0
Status: Downloaded newer image for node:v1
END`, "0 of 1 layers, 0 of 2 layers, 1 of 2 layers, 2 of 2 layers"},
		{"podman", `cat >&2 <<END
Trying to pull 127.0.0.1:5055/node:v1...
Getting image source signatures
Copying blob ` + hash + `
Copying blob ` + hash + `2
Copying blob ` + hash + `3 skipped: already exists
Copying config ` + hash + `
Writing manifest to image destination
END
echo 42c97d8afed3`, "0 of 1 layers, 0 of 2 layers, 1 of 3 layers, 3 of 3 layers"},
		{"nerdctl", `cat <<END
node:v1:    resolved       |++++++++++++++++++++++++++++++++++++++|
manifest-` + hash + `: done           |++++++++++++++++++++++++++++++++++++++|
layer-` + hash + `:    downloading    |++++++++------------------------------|  1.0 MiB/4.0 MiB
layer-` + hash + `2:    waiting        |--------------------------------------|
elapsed: 0.2 s    total:  1.0 Mi (5.0 MiB/s)
node:v1:    resolved       |++++++++++++++++++++++++++++++++++++++|
layer-` + hash + `:    done           |++++++++++++++++++++++++++++++++++++++|
layer-` + hash + `2:    exists         |++++++++++++++++++++++++++++++++++++++|
END`, "0 of 1 layers, 0 of 2 layers, 1 of 2 layers, 2 of 2 layers"},
	} {
		t.Run(tc.engine, func(t *testing.T) {
			enginetest.Install(t, map[string]string{tc.engine: tc.says})
			t.Setenv("PATH", os.Getenv("PATH")+":/bin:/usr/bin") // cat
			var got []string
			if err := (Engine{Name: tc.engine}).Pull(t.Context(), "node:v1", func(s string) { got = append(got, s) }); err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, ", ") != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
