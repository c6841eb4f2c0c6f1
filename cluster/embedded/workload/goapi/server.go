package goapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxWork = 60 * time.Second

// requestCost is charged for each request beside what the handler is seen to
// use: the connection and the parsing are work of the HTTP server's own
// goroutines, which a Meter can't follow. As a process of its own, go-api used
// 134 µs of CPU a request (20,000 requests, a connection each, 2026-11-21).
const requestCost = 120 * time.Microsecond

// answer is what a handler wants to say; serve writes and logs it.
type answer struct {
	status int
	text   string
	json   any // instead of text, when the client asks for JSON
	after  func(process context.Context)
}

func text(status int, s string) answer { return answer{status: status, text: s} }

// handler routes by hand: the paths are few, and a request for another one is
// answered and logged like the rest.
func (a *app) handler(ctx context.Context) http.Handler {
	routes := map[string]func(*http.Request) answer{
		"/":        a.index,
		"/version": func(*http.Request) answer { return text(http.StatusOK, a.version) },
		"/healthz": a.healthz,
		"/readyz":  a.readyz,
		"/work":    a.work,
		"/env":     a.env,
		"/crash":   a.crash,
		"/fail":    a.failNow,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		a.served.Add(1)
		route, ok := routes[r.URL.Path]
		if !ok {
			route = func(*http.Request) answer { return text(http.StatusNotFound, "404 page not found") }
		}
		if !a.delay(r) {
			return // the client went away or the process ends: nobody to answer
		}
		ans := route(r)
		if ans.status == 0 {
			return
		}
		a.p.CPU.Charge(requestCost)
		a.p.CPU.Do(func() { write(w, r, ans) })
		a.logRequest(r, ans.status, time.Since(begin))
		if ans.after != nil {
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
			ans.after(ctx)
		}
	})
}

// delay applies hang, slow and RESPONSE_DELAY. False means don't answer.
func (a *app) delay(r *http.Request) bool {
	d := time.Duration(0)
	if r.URL.Path == "/" || r.URL.Path == "/work" {
		d = a.cfg.responseDelay
	}
	switch *a.fail.Load() {
	case modeHang:
		if r.URL.Path != "/fail" {
			<-r.Context().Done()
			return false
		}
	case modeSlow:
		d += 5 * time.Second
	}
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// write writes the whole answer with its length, so that a flush completes it:
// the process may end right after.
func write(w http.ResponseWriter, r *http.Request, ans answer) {
	contentType, body := "text/plain; charset=utf-8", []byte(ans.text+"\n")
	if ans.json != nil && strings.Contains(r.Header.Get("Accept"), "application/json") {
		encoded, err := json.Marshal(ans.json)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		contentType, body = "application/json", append(encoded, '\n')
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(ans.status)
	_, _ = w.Write(body) // a client that went away is its own affair
}

func (a *app) logRequest(r *http.Request, status int, took time.Duration) {
	probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
	if probe && status == http.StatusOK && !a.cfg.logProbes {
		return
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	level := "INFO "
	if status >= 500 {
		level = "ERROR"
	}
	a.logf("%s %s %s %d from %s in %s", level, r.Method, r.URL.RequestURI(), status, from, roundTime(took))
}

func roundTime(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + "ms"
}

func (a *app) index(*http.Request) answer {
	status := http.StatusOK
	switch *a.fail.Load() {
	case modeError:
		status = http.StatusInternalServerError
	case modeFlaky:
		if a.served.Load()%3 == 0 {
			status = http.StatusInternalServerError
		}
	}
	if status != http.StatusOK {
		return text(status, "internal error: database db:5432: connection refused")
	}
	return answer{
		status: status,
		text:   fmt.Sprintf("go-api %s from %s", a.version, a.p.Hostname),
		json: map[string]any{
			"app": "go-api", "version": a.version, "hostname": a.p.Hostname,
			"addresses": a.p.Net.Addrs(), "uptimeSeconds": int(time.Since(a.started).Seconds()),
		},
	}
}

func (a *app) healthz(*http.Request) answer {
	if *a.fail.Load() == modeUnhealthy {
		return text(http.StatusInternalServerError, "unhealthy: worker is stuck")
	}
	return text(http.StatusOK, "ok")
}

func (a *app) readyz(*http.Request) answer {
	switch left := a.cfg.startDelay - time.Since(a.started); {
	case a.stopping.Load():
		return text(http.StatusServiceUnavailable, "not ready: shutting down")
	case *a.fail.Load() == modeNotReady:
		return text(http.StatusServiceUnavailable, "not ready: database db:5432 not reachable")
	case left > 0:
		return text(http.StatusServiceUnavailable, fmt.Sprintf("not ready: warming up, %s left", left.Round(time.Second)))
	}
	return text(http.StatusOK, "ok")
}

func (a *app) work(r *http.Request) answer {
	ms := 100
	if s := r.URL.Query().Get("ms"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || time.Duration(n)*time.Millisecond > maxWork {
			return text(http.StatusBadRequest, fmt.Sprintf("ms=%q: want a number from 0 to %d", s, maxWork.Milliseconds()))
		}
		ms = n
	}
	begin := time.Now()
	a.burn(r.Context(), time.Duration(ms)*time.Millisecond)
	if r.Context().Err() != nil {
		return answer{}
	}
	return text(http.StatusOK, fmt.Sprintf("go-api %s from %s worked %d ms (took %d ms)", a.version, a.p.Hostname, ms, time.Since(begin).Milliseconds()))
}

func (a *app) env(r *http.Request) answer {
	name := r.URL.Query().Get("name")
	if name == "" {
		return text(http.StatusBadRequest, "which variable? /env?name=GREETING")
	}
	v, ok := getenv(a.p, name)
	if !ok {
		return text(http.StatusNotFound, name+" is not set")
	}
	return text(http.StatusOK, v)
}

func (a *app) crash(*http.Request) answer {
	ans := text(http.StatusOK, fmt.Sprintf("go-api %s on %s is going to crash", a.version, a.p.Hostname))
	ans.after = func(context.Context) {
		a.end(exitError, "FATAL crash was asked for by GET /crash, exiting with code 1")
	}
	return ans
}

// failNow changes the mode while the app runs. The main loop does it, as what
// the mode starts must outlive the request.
func (a *app) failNow(r *http.Request) answer {
	if r.Method != http.MethodPost {
		return text(http.StatusMethodNotAllowed, "POST /fail?mode="+modeNotReady)
	}
	mode := r.URL.Query().Get("mode")
	if !slices.Contains(modes(), mode) {
		return text(http.StatusBadRequest, fmt.Sprintf("mode=%q: want one of %s", mode, strings.Join(modes(), ", ")))
	}
	ans := text(http.StatusOK, fmt.Sprintf("go-api %s on %s: failing mode is now %s", a.version, a.p.Hostname, mode))
	ans.after = func(process context.Context) {
		select {
		case a.modes <- mode:
		case <-process.Done():
		}
	}
	return ans
}
