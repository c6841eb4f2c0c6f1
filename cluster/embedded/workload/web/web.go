// Package web is a small web server that stands in for nginx: it serves
// /usr/share/nginx/html on port 80 and logs in the format that nginx has.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

const (
	root        = "/usr/share/nginx/html"
	maxFile     = 32 << 20
	exitKilled  = 137
	stopTimeout = 10 * time.Second
)

// File is a file of the image.
type File struct {
	Name string
	Mode fs.FileMode
	Data string
}

// Files are what the image holds beside the tools: the pages and a
// configuration to look at.
func Files(tag string) []File {
	page := func(title, text string) string {
		return "<!DOCTYPE html>\n<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" + title + "</h1>\n<p>" + text + "</p>\n</body>\n</html>\n"
	}
	return []File{
		{root + "/index.html", 0o644, page("Welcome to nginx!", "This page comes from k8stutor's own web server, which stands in for nginx:"+tag+" in the embedded cluster.")},
		{root + "/50x.html", 0o644, page("An error occurred.", "The page is not available now.")},
		{"/etc/nginx/nginx.conf", 0o644, "# k8stutor's stand-in for nginx reads no configuration.\n# It serves " + root + " on port 80.\n"},
	}
}

// New makes the server of one tag.
func New(tag string) workload.Program {
	return workload.ProgramFunc(func(ctx context.Context, p *workload.Process) int {
		return (&server{p: p, tag: tag}).run(ctx)
	})
}

type server struct {
	p   *workload.Process
	tag string

	mu sync.Mutex // of the log
}

func (s *server) run(ctx context.Context) int {
	args := s.p.Args
	if len(args) > 0 && path.Base(args[0]) == "docker-entrypoint.sh" {
		args = args[1:]
	}
	for _, a := range args[min(1, len(args)):] {
		switch a {
		case "-v", "-V":
			s.logf(s.p.Stderr, "nginx version: nginx/%s (k8stutor's stand-in)", s.tag)
			return 0
		case "-t":
			s.logf(s.p.Stderr, "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok (k8stutor's stand-in reads none)")
			return 0
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listener, err := s.p.Net.Listen("tcp", ":80")
	if err != nil {
		s.logf(s.p.Stderr, "%s [emerg] 1#1: bind() to 0.0.0.0:80 failed (%v)", stamp(), cause(err))
		return 1
	}
	srv := &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.logf(s.p.Stderr, "%s [notice] 1#1: k8stutor's stand-in for nginx/%s, serving %s on port 80", stamp(), s.tag, root)
	served := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { served <- srv.Serve(listener) })
	defer wg.Wait()
	defer func() { _ = srv.Close() }()
	for {
		select {
		case <-ctx.Done():
			return exitKilled
		case err := <-served:
			s.logf(s.p.Stderr, "%s [emerg] 1#1: %v", stamp(), err)
			return 1
		case sig := <-s.p.Signals:
			if sig == workload.SIGHUP {
				continue
			}
			s.logf(s.p.Stderr, "%s [notice] 1#1: signal %d received, exiting", stamp(), sig)
			grace, stop := context.WithTimeout(ctx, stopTimeout)
			defer stop()
			if err := srv.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				return exitKilled
			}
			return 0
		}
	}
}

func stamp() string { return time.Now().UTC().Format("2006/01/02 15:04:05") }

func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// requestCost is charged for what a request costs outside of its handler, see
// goapi.
const requestCost = 120 * time.Microsecond

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.p.CPU.Charge(requestCost)
	s.p.CPU.Do(func() {
		status, n := s.respond(w, r)
		from, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			from = r.RemoteAddr
		}
		s.logf(s.p.Stdout, `%s - - [%s] "%s %s %s" %d %d "%s" "%s" "-"`, from, time.Now().UTC().Format("02/Jan/2006:15:04:05 +0000"),
			r.Method, r.URL.RequestURI(), r.Proto, status, n, dash(r.Referer()), dash(r.UserAgent()))
	})
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// respond answers with the file and returns status and body size.
func (s *server) respond(w http.ResponseWriter, r *http.Request) (status, size int) {
	w.Header().Set("Server", "nginx/"+s.tag)
	fail := func(status int, reason string) (int, int) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		n, _ := fmt.Fprintf(w, "<html>\n<head><title>%[1]d %[2]s</title></head>\n<body>\n<center><h1>%[1]d %[2]s</h1></center>\n</body>\n</html>\n", status, reason)
		return status, n
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return fail(http.StatusMethodNotAllowed, "Not Allowed")
	}
	name := path.Join(root, path.Clean("/"+r.URL.Path))
	if strings.HasSuffix(r.URL.Path, "/") {
		name = path.Join(name, "index.html")
	}
	f, err := s.p.FS.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		s.logf(s.p.Stderr, `%s [error] 1#1: open() "%s" failed (%v)`, stamp(), name, errors.Unwrap(err))
		if errors.Is(err, fs.ErrPermission) {
			return fail(http.StatusForbidden, "Forbidden")
		}
		return fail(http.StatusNotFound, "Not Found")
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return fail(http.StatusForbidden, "Forbidden")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return fail(http.StatusInternalServerError, "Internal Server Error")
	}
	w.Header().Set("Content-Type", contentType(name))
	if r.Method == http.MethodHead {
		return http.StatusOK, 0
	}
	n, _ := w.Write(data) // a client that went away is its own affair
	return http.StatusOK, n
}

// contentType knows the few types that a lesson serves; the table of package
// mime would come from files of the host.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html", ".htm":
		return "text/html"
	case ".txt":
		return "text/plain"
	case ".json":
		return "application/json"
	case ".css":
		return "text/css"
	case ".js":
		return "application/javascript"
	case ".png":
		return "image/png"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}

// logf writes a line; a log that can't be written must not stop the server.
func (s *server) logf(w io.Writer, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}
