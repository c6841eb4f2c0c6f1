package registry

import (
	"context"
	"io"
	"io/fs"
	"regexp"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/goapi"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/toolbox"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/web"
)

const mib = 1 << 20

// entries is the whole registry. A pattern matches the tags that the real
// image has as far as that can be known, so that a misspelt tag
// ("nginx:1.161") still fails to pull.
func entries() []entry {
	return []entry{
		{"go-api", regexp.MustCompile(`^0\.0\.[123]$`), "0.0.1 to 0.0.3", goAPI},
		{"toolbox", regexp.MustCompile(`^(1\.0|latest)$`), "1.0", toolboxImage},
		{"busybox", regexp.MustCompile(`^(latest|stable|musl|glibc|uclibc|1(\.\d{1,2}(\.\d{1,2})?)?)(-(musl|glibc|uclibc))?$`), "1.37 and other 1.x", busybox("busybox")},
		{"alpine", regexp.MustCompile(`^(latest|edge|3(\.\d{1,2}(\.\d{1,2})?)?)$`), "3.22 and other 3.x", busybox("alpine")},
		{"curlimages/curl", regexp.MustCompile(`^(latest|[78]\.\d{1,3}\.\d{1,2})$`), "8.17.0 and other 7.x, 8.x", curl},
		{"nginx", regexp.MustCompile(`^(latest|stable|mainline|alpine|1(\.\d{1,2}(\.\d{1,2})?)?)(-alpine)?$`), "1.29 and other 1.x", nginx},
		{"hello-world", regexp.MustCompile(`^(latest|linux)$`), "latest", helloWorld},
		{"registry.k8s.io/pause", regexp.MustCompile(`^3\.\d{1,2}(\.\d{1,2})?$`), "3.10 and other 3.x", pause},
	}
}

func goAPI(tag string) Image {
	return Image{
		About:      "the lessons' app, version " + tag,
		Entrypoint: []string{"/go-api"},
		Env:        []string{"PATH=/"},
		UID:        65532,
		Ports:      []int{8080},
		Size:       9 * mib,
		Files:      []File{{Name: "/go-api", Mode: 0o755, Data: "k8stutor go-api " + tag + "\n"}},
		resolve:    only(goapi.New(tag), "/go-api"),
	}
}

const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func withToolbox(box *toolbox.Toolbox, about string) Image {
	return Image{
		About:   about,
		Env:     []string{searchPath},
		Shell:   true,
		Size:    8 * mib,
		Files:   toolboxFiles(box),
		resolve: box.Lookup,
	}
}

func toolboxFiles(box *toolbox.Toolbox) []File {
	files := []File{
		{Name: "/bin", Mode: fs.ModeDir | 0o755},
		{Name: "/etc", Mode: fs.ModeDir | 0o755},
		{Name: "/home", Mode: fs.ModeDir | 0o755},
		{Name: "/root", Mode: fs.ModeDir | 0o700},
		{Name: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Name: "/var", Mode: fs.ModeDir | 0o755},
		{Name: "/etc/passwd", Mode: 0o644, Data: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"},
		{Name: "/etc/group", Mode: 0o644, Data: "root:x:0:\nnogroup:x:65534:\n"},
		{Name: "/bin/toolbox", Mode: 0o755, Data: box.About() + "\n"},
	}
	for _, name := range box.Commands() {
		files = append(files, File{Name: "/bin/" + name, Mode: fs.ModeSymlink | 0o777, Link: "toolbox"})
	}
	return files
}

func toolboxImage(string) Image {
	img := withToolbox(toolbox.New("toolbox"), "k8stutor's own shell and network tools")
	img.Cmd = []string{"sleep", "infinity"}
	return img
}

func busybox(name string) func(string) Image {
	return func(tag string) Image {
		img := withToolbox(toolbox.New(name), "k8stutor's toolbox, standing in for "+name+":"+tag)
		img.Cmd = []string{"sh"}
		if name == "alpine" {
			img.Cmd = []string{"/bin/sh"}
		}
		return img
	}
}

func curl(tag string) Image {
	img := withToolbox(toolbox.New("curl"), "k8stutor's toolbox, standing in for curlimages/curl:"+tag)
	img.Entrypoint = []string{"/entrypoint.sh"}
	img.Cmd = []string{"curl"}
	img.UID = 100
	return img
}

func nginx(tag string) Image {
	img := withToolbox(toolbox.New("nginx"), "a web server of k8stutor's on port 80, standing in for nginx:"+tag)
	img.Entrypoint = []string{"/docker-entrypoint.sh"}
	img.Cmd = []string{"nginx", "-g", "daemon off;"}
	img.Env = append(img.Env, "NGINX_VERSION="+tag)
	img.Ports = []int{80}
	img.Files = append(img.Files, File{Name: "/docker-entrypoint.sh", Mode: 0o755, Data: "#!/bin/sh\nexec \"$@\"\n"})
	for _, f := range web.Files(tag) {
		img.Files = append(img.Files, File{Name: f.Name, Mode: f.Mode, Data: f.Data})
	}
	tools := img.resolve
	server := only(web.New(tag), "/docker-entrypoint.sh", "/usr/sbin/nginx", "nginx")
	img.resolve = func(argv0 string) (workload.Program, bool) {
		if p, ok := server(argv0); ok {
			return p, true
		}
		return tools(argv0)
	}
	return img
}

func helloWorld(string) Image {
	return Image{
		About:   "prints a greeting and exits, standing in for hello-world",
		Cmd:     []string{"/hello"},
		Size:    10 << 10,
		resolve: only(workload.ProgramFunc(hello), "/hello"),
	}
}

func hello(_ context.Context, p *workload.Process) int {
	_, err := io.WriteString(p.Stdout, "\nHello from k8stutor!\nThis container ran, printed this line and is done: exit code 0.\n"+
		"(A stand-in for the image hello-world, which the embedded cluster doesn't download.)\n\n")
	if err != nil {
		return 1
	}
	return 0
}

func pause(string) Image {
	return Image{
		About:      "does nothing until it is told to stop",
		Entrypoint: []string{"/pause"},
		UID:        65535,
		Size:       300 << 10,
		resolve:    only(workload.ProgramFunc(wait), "/pause"),
	}
}

func wait(ctx context.Context, p *workload.Process) int {
	for {
		select {
		case <-ctx.Done():
			return 137
		case s := <-p.Signals:
			if s == workload.SIGTERM || s == workload.SIGINT {
				return 0
			}
		}
	}
}
