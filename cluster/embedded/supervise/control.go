package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrNotRunning says that no supervisor answers on the control socket.
var ErrNotRunning = errors.New("the cluster's supervisor is not running")

// Serve answers on the control socket at path until ctx ends. stop is called
// when a client asks the supervisor to stop; the socket answers until ctx ends.
// Access is guarded by the rights of the socket's folder.
func (s *Supervisor) Serve(ctx context.Context, path string, stop func()) error {
	// What is left of a supervisor that was killed: the caller holds the lock.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a stale control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Status()) })
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		stop()
		reply(w, s.Status())
	})
	mux.HandleFunc("GET /parts/{name}/change", func(w http.ResponseWriter, r *http.Request) {
		restarts, err := strconv.Atoi(r.URL.Query().Get("restarts"))
		if err != nil {
			http.Error(w, "restarts: "+err.Error(), http.StatusBadRequest)
			return
		}
		st, err := s.WaitChange(r.Context(), r.PathValue("name"), restarts)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		reply(w, st)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-ctx.Done()
		_ = server.Close()
	}()
	err = server.Serve(l)
	if ctx.Err() == nil {
		return fmt.Errorf("serving the control socket: %w", err)
	}
	<-closed
	return nil
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

// Client talks to the supervisor behind a control socket. It is safe for
// concurrent use.
type Client struct {
	http *http.Client
}

// NewClient returns a client for the control socket at path.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks what is there now. The error is ErrNotRunning when nothing
// answers.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var st Status
	err := c.call(ctx, http.MethodGet, "/status", &st)
	return st, err
}

// Stop tells the supervisor to stop all parts and itself; it does not wait.
func (c *Client) Stop(ctx context.Context) error {
	var st Status
	return c.call(ctx, http.MethodPost, "/stop", &st)
}

// WaitChange returns when the part is not in its run number restarts any more.
func (c *Client) WaitChange(ctx context.Context, part string, restarts int) (PartStatus, error) {
	var st PartStatus
	err := c.call(ctx, http.MethodGet, "/parts/"+url.PathEscape(part)+"/change?restarts="+strconv.Itoa(restarts), &st)
	return st, err
}

func (c *Client) call(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, nil)
	if err != nil {
		return fmt.Errorf("asking the supervisor: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("the supervisor answers %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the supervisor's answer: %w", err)
	}
	return nil
}
