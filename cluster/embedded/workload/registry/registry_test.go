package registry_test

import (
	"context"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/registry"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLookup(t *testing.T) {
	tests := []struct{ ref, full, problem string }{
		{"go-api:0.0.1", "docker.io/library/go-api:0.0.1", ""},
		{"docker.io/library/go-api:0.0.3", "docker.io/library/go-api:0.0.3", ""},
		{"go-api:0.0.4", "", `tag "0.0.4" not found: k8stutor's embedded cluster has go-api:0.0.1 to 0.0.3`},
		{"go-api", "", `tag "latest" not found`},
		{"toolbox:1.0", "docker.io/library/toolbox:1.0", ""},
		{"busybox", "docker.io/library/busybox:latest", ""},
		{"busybox:1.36.1", "docker.io/library/busybox:1.36.1", ""},
		{"alpine:3.22", "docker.io/library/alpine:3.22", ""},
		{"curlimages/curl:8.17.0", "docker.io/curlimages/curl:8.17.0", ""},
		{"nginx:1.16.1", "docker.io/library/nginx:1.16.1", ""},
		{"nginx:1.27-alpine", "docker.io/library/nginx:1.27-alpine", ""},
		{"nginx:1.161", "", `tag "1.161" not found`},
		{"registry.k8s.io/pause:3.10.1", "registry.k8s.io/pause:3.10.1", ""},
		{"postgres:17", "", "can't download images, it has only alpine:"},
		{"localhost:5000/x:1", "", "not found"},
		{"busybox@sha256:0123", "", "by digest"},
		{"Bad Name", "", "invalid reference format"},
		{"", "", "invalid reference format"},
	}
	for _, tt := range tests {
		img, err := registry.Lookup(tt.ref)
		switch {
		case tt.problem != "":
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("%q: error %v, want %q", tt.ref, err, tt.problem)
			}
		case err != nil:
			t.Errorf("%q: %v", tt.ref, err)
		case img.Ref() != tt.full:
			t.Errorf("%q: full name %q, want %q", tt.ref, img.Ref(), tt.full)
		}
	}
}

func TestEveryImageRuns(t *testing.T) {
	images := registry.List()
	if len(images) < 9 {
		t.Errorf("the list has %d images", len(images))
	}
	for _, img := range images {
		argv := img.Command(nil, nil)
		if _, ok := img.Program(argv[0]); !ok {
			t.Errorf("%s can't run its own %q", img.Ref(), argv)
		}
		if _, ok := img.Program("sh"); ok != img.Shell {
			t.Errorf("%s: has a shell: %v, says %v", img.Ref(), ok, img.Shell)
		}
		if img.About == "" || img.Size == 0 || img.WorkingDir != "/" {
			t.Errorf("%s is not described: %+v", img.Ref(), img)
		}
		dirs := map[string]bool{"/": true}
		for _, f := range img.Files {
			if f.Mode.IsDir() {
				dirs[f.Name] = true
			}
			if path.Clean(f.Name) != f.Name || !strings.HasPrefix(f.Name, "/") {
				t.Errorf("%s: file %q is not an absolute name", img.Ref(), f.Name)
			}
		}
	}
}

func TestCommand(t *testing.T) {
	img, err := registry.Lookup("nginx:1.27")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ command, args, want []string }{
		{nil, nil, []string{"/docker-entrypoint.sh", "nginx", "-g", "daemon off;"}},
		{nil, []string{"x"}, []string{"/docker-entrypoint.sh", "x"}},
		{[]string{"sh"}, nil, []string{"sh"}},
		{[]string{"sh"}, []string{"-c", "x"}, []string{"sh", "-c", "x"}},
	} {
		if got := img.Command(tt.command, tt.args); !slices.Equal(got, tt.want) {
			t.Errorf("command %q args %q: %q, want %q", tt.command, tt.args, got, tt.want)
		}
	}
}

func TestGoAPIHasNoShell(t *testing.T) {
	img, err := registry.Lookup("go-api:0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "/bin/sh", "ls", "cat", "/bin/go-api", ""} {
		if _, ok := img.Program(name); ok {
			t.Errorf("%q can be run", name)
		}
	}
	for _, name := range []string{"/go-api", "go-api"} {
		if _, ok := img.Program(name); !ok {
			t.Errorf("%q can't be run", name)
		}
	}
}

func run(t *testing.T, ref string, args []string, p *workloadtest.Process) (stop func() int) {
	t.Helper()
	img, err := registry.Lookup(ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range img.Files {
		if f.Link == "" && !f.Mode.IsDir() {
			p.WriteFile(t, f.Name, f.Data, f.Mode)
		}
	}
	p.Args = img.Command(nil, args)
	p.PID = 1
	prog, ok := img.Program(p.Args[0])
	if !ok {
		t.Fatalf("%q can't be run", p.Args)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- prog.Run(ctx, p.Process) }()
	t.Cleanup(cancel)
	return func() int { return <-done }
}

func TestNginx(t *testing.T) {
	p := workloadtest.New(t)
	wait := run(t, "nginx:1.27", nil, p)
	p.Err.WaitFor(t, 0, "on port 80")
	transport := &http.Transport{DialContext: p.Net.Dial, DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/", 200, "Welcome to nginx!"},
		{"/index.html", 200, "k8stutor's own web server"},
		{"/nope", 404, "<h1>404 Not Found</h1>"},
		{"/../../../../etc/passwd", 404, "404"},
		{"/../../../etc/nginx/nginx.conf", 404, "404"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.244.0.9", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Path = tt.path
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %d %q, %v", tt.path, res.StatusCode, body, err)
		}
	}
	p.Out.WaitFor(t, 0, `"GET / HTTP/1.1" 200 `)
	p.Sig <- workload.SIGTERM
	if code := wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSmallImages(t *testing.T) {
	for _, tt := range []struct {
		ref  string
		args []string
		out  string
		code int
	}{
		{"hello-world", nil, "Hello from k8stutor!", 0},
		{"busybox", []string{"echo", "hi"}, "hi\n", 0},
		{"busybox", nil, "", 0}, // sh with nothing to read
		{"curlimages/curl:8.17.0", []string{"--version"}, "k8stutor", 0},
		{"curlimages/curl:8.17.0", []string{"-s", "http://nope"}, "", 6},
		{"alpine", []string{"cat", "/etc/passwd"}, "root:x:0:0", 0},
	} {
		p := workloadtest.New(t)
		if code := run(t, tt.ref, tt.args, p)(); code != tt.code || !strings.Contains(p.Out.String(), tt.out) {
			t.Errorf("%s %q: exit code %d, stdout %q, stderr %q", tt.ref, tt.args, code, p.Out, p.Err)
		}
	}
}

func TestPause(t *testing.T) {
	p := workloadtest.New(t)
	wait := run(t, "registry.k8s.io/pause:3.10", nil, p)
	p.Sig <- workload.SIGTERM
	if code := wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
