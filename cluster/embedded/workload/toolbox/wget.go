package toolbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

const wgetUsage = "[-qS] [-O FILE] [-T SECONDS] [--spider] [--header STR] [--post-data STR] [-U AGENT] URL..."

type wgetOptions struct {
	quiet, showHeaders, spider, insecure bool
	output                               string
	timeout                              time.Duration
	header                               http.Header
	host, post                           string
	hasPost                              bool
	method                               string
}

func wget(c *call) int {
	opts, urls, ok := c.options(wgetUsage, "qSO:T:U:cY:t:P:n:", "spider", "timeout=T", "quiet=q", "output-document=O", "header:",
		"post-data:", "no-check-certificate", "server-response=S", "user-agent=U", "tries=t", "method:", "no-verbose=q")
	if !ok {
		return exitError
	}
	o := wgetOptions{header: http.Header{"User-Agent": {"Wget"}}, method: http.MethodGet}
	for _, opt := range opts {
		switch opt.name {
		case "q":
			o.quiet = true
		case "S":
			o.showHeaders = true
		case "O":
			o.output = opt.value
		case "T":
			d, err := parseInterval(opt.value)
			if err != nil {
				return c.fail("%v", err)
			}
			o.timeout = d
		case "U":
			o.header.Set("User-Agent", opt.value)
		case "spider":
			o.spider = true
		case "header":
			name, value, _ := strings.Cut(opt.value, ":")
			if strings.EqualFold(name, "host") {
				o.host = strings.TrimSpace(value)
			}
			o.header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		case "post-data":
			o.post, o.hasPost, o.method = opt.value, true, http.MethodPost
			o.header.Set("Content-Type", "application/x-www-form-urlencoded")
		case "method":
			o.method = opt.value
		case "no-check-certificate":
			o.insecure = true
		}
	}
	if len(urls) == 0 {
		return c.usage(wgetUsage)
	}
	for _, u := range urls {
		if code := c.wgetOne(u, o); code != exitOK {
			return code
		}
	}
	return exitOK
}

func (c *call) wgetOne(raw string, o wgetOptions) int {
	target, err := parseURL(raw)
	if err != nil || target.Scheme != "http" && target.Scheme != "https" {
		return c.fail("not an http or ftp url: %s", raw)
	}
	for range 10 {
		next, code := c.wgetFetch(target, o)
		if next == nil {
			return code
		}
		target = next
	}
	return c.fail("too many redirections")
}

// wgetFetch gets one URL; next is where it was sent on to.
func (c *call) wgetFetch(target *url.URL, o wgetOptions) (next *url.URL, code int) {
	ctx, cancel := c.ctx, context.CancelFunc(func() {})
	if o.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
	}
	defer cancel()
	x := &exchange{c: c, method: o.method, url: target, header: o.header.Clone(), host: o.host, body: o.post, insecure: o.insecure}
	defer x.close()
	if err := x.connect(ctx); err != nil {
		return nil, c.wgetError(target, err, o)
	}
	if !o.quiet {
		c.errorf("Connecting to %s (%s)", target.Host, net.JoinHostPort(x.remote, portOf(target)))
	}
	res, err := x.send(ctx)
	if err != nil {
		return nil, c.wgetError(target, err, o)
	}
	defer res.Body.Close()
	if o.showHeaders {
		c.errorf("  %s %s", res.Proto, res.Status)
		for _, k := range sortedKeys(res.Header) {
			for _, v := range res.Header[k] {
				c.errorf("  %s: %s", k, v)
			}
		}
	}
	if loc, err := res.Location(); err == nil && res.StatusCode >= 300 && res.StatusCode < 400 {
		return loc, exitOK
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, c.fail("server returned error: %s %s", res.Proto, res.Status)
	}
	if o.spider {
		if !o.quiet {
			c.errorf("remote file exists")
		}
		return nil, exitOK
	}
	return nil, c.wgetSave(target, res, o)
}

func sortedKeys(h http.Header) []string {
	keys := make([]string, 0, len(h))
	for k := range h {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *call) wgetSave(target *url.URL, res *http.Response, o wgetOptions) int {
	name := o.output
	if name == "" {
		if name = path.Base(target.Path); name == "/" || name == "." {
			name = "index.html"
		}
	}
	var w io.Writer = c.out
	label, say := "-", [2]string{"writing to stdout", "written to stdout"}
	if name != "-" {
		flag := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		if o.output == "" {
			flag |= os.O_EXCL
		}
		f, err := c.open(name, flag, 0o644)
		if err != nil {
			return c.fail("can't open '%s': %s", name, errText(err))
		}
		defer func() {
			if err := f.Close(); err != nil {
				c.errorf("wget: %s: %s", name, errText(err))
			}
		}()
		w, label, say = f, name, [2]string{"saving to '" + name + "'", "'" + name + "' saved"}
	}
	if !o.quiet {
		c.errorf("%s", say[0])
	}
	n, err := io.Copy(w, res.Body)
	if err != nil {
		if timedOut(err) {
			return c.fail("download timed out")
		}
		if w == c.out && c.bad == nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			c.bad = err
			return c.done()
		}
		return c.fail("error getting response: %s", netText(err))
	}
	if !o.quiet {
		c.errorf("%-20s 100%% |%s| %5d  0:00:00 ETA\n%s", label, strings.Repeat("*", 32), n, say[1])
	}
	return c.done()
}

func (c *call) wgetError(target *url.URL, err error, o wgetOptions) int {
	if c.ctx.Err() != nil {
		return exitKilled
	}
	var bad *resolveError
	var refused *connectError
	switch {
	case errors.As(err, &bad) && !(o.timeout > 0 && errors.Is(err, context.DeadlineExceeded)):
		return c.fail("bad address '%s'", bad.host)
	case o.timeout > 0 && timedOut(err):
		return c.fail("download timed out")
	case errors.As(err, &refused):
		return c.fail("can't connect to remote host (%s): %s", refused.addr, netText(refused.err))
	case target.Scheme == "https" && !errors.Is(err, io.EOF):
		return c.fail("TLS error from peer: %v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return c.fail("error getting response")
	}
	return c.fail("error getting response: %s", fmt.Sprint(netText(err)))
}
