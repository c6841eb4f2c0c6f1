package toolbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Exit codes of curl.
const (
	curlMalformedURL = 3
	curlResolve      = 6
	curlConnect      = 7
	curlHTTPError    = 22
	curlWriteError   = 23
	curlTimeout      = 28
	curlTooManyHops  = 47
	curlEmptyReply   = 52
	curlRecvError    = 56
	curlCertificate  = 60
	curlBadScheme    = 1
	curlFailedInit   = 2
	curlTLS          = 35
)

type curlOptions struct {
	silent, showError, include, head, fail, follow, insecure, verbose, remoteName bool
	output, writeOut, method, host, caFile                                        string
	maxTime, connectTimeout                                                       time.Duration
	data                                                                          []string
	header                                                                        http.Header
	resolve                                                                       map[string]string
	retry                                                                         int
}

func curlEntrypoint(c *call) int {
	if len(c.args) == 0 || strings.HasPrefix(c.args[0], "-") {
		return c.run(append([]string{"curl"}, c.args...))
	}
	if _, ok := c.box.tools.find(c.args[0]); ok {
		return c.run(c.args)
	}
	return c.run(append([]string{"curl"}, c.args...))
}

func curl(c *call) int {
	opts, urls, err := getopt(c.args, "sSiIo:w:m:X:d:H:LkvfOA:u:G#Nn46x:b:e:", "silent=s", "show-error=S", "include=i", "head=I", "output=o",
		"write-out=w", "max-time=m", "connect-timeout:", "request=X", "data=d", "data-raw:", "data-binary=d", "header=H", "location=L",
		"insecure=k", "verbose=v", "fail=f", "user-agent=A", "user=u", "cacert:", "resolve:", "retry:", "retry-delay:", "retry-connrefused",
		"http1.1", "no-progress-meter=s", "help", "version", "url:", "json:", "remote-name=O", "no-buffer=N", "ipv4=4", "compressed", "retry-all-errors")
	if err != nil {
		text := strings.Replace(err.Error(), "unrecognized option: ", "option ", 1)
		c.errorf("curl: %s: is unknown\ncurl: try 'curl --help' for more information", text)
		return curlFailedInit
	}
	o := curlOptions{header: http.Header{"User-Agent": {"curl/8.17.0 (k8stutor toolbox)"}, "Accept": {"*/*"}}, resolve: map[string]string{}}
	for _, opt := range opts {
		switch opt.name {
		case "help", "version":
			c.printf("curl 8.17.0 (%s)\nProtocols: http https\nOptions: -s -S -i -I -o -O -w -m --connect-timeout -X -d --json -H -L -k -v -f -A -u --cacert --resolve --retry\n", c.box.tools.About())
			return c.done()
		case "url":
			urls = append(urls, opt.value)
		default:
			if err := o.set(c, opt); err != nil {
				c.errorf("curl: option -%s: %v", opt.name, err)
				return curlFailedInit
			}
		}
	}
	if len(urls) == 0 {
		c.errorf("curl: (2) no URL specified\ncurl: try 'curl --help' for more information")
		return curlFailedInit
	}
	code := exitOK
	for _, u := range urls {
		for try := 0; ; try++ {
			code = c.curlOne(u, o)
			if try >= o.retry || code != curlResolve && code != curlConnect && code != curlTimeout || !c.sleep(time.Second) {
				break
			}
		}
	}
	return code
}

func (o *curlOptions) set(c *call, opt option) error {
	seconds := func(d *time.Duration) error {
		v, err := parseInterval(opt.value)
		*d = v
		return err
	}
	switch opt.name {
	case "s":
		o.silent = true
	case "S":
		o.showError = true
	case "i":
		o.include = true
	case "I":
		o.head = true
	case "o":
		o.output = opt.value
	case "O":
		o.remoteName = true
	case "w":
		o.writeOut = opt.value
	case "m":
		return seconds(&o.maxTime)
	case "connect-timeout":
		return seconds(&o.connectTimeout)
	case "X":
		o.method = opt.value
	case "json":
		o.header.Set("Content-Type", "application/json")
		o.header.Set("Accept", "application/json")
		o.data = append(o.data, opt.value)
	case "d", "data-raw":
		value := opt.value
		if name, ok := strings.CutPrefix(value, "@"); ok && opt.name == "d" {
			data, err := c.readFile(name)
			if err != nil {
				return fmt.Errorf("error encountered when reading a file: %s", errText(err))
			}
			value = strings.NewReplacer("\r", "", "\n", "").Replace(string(data))
		}
		o.data = append(o.data, value)
	case "H":
		name, value, _ := strings.Cut(opt.value, ":")
		if strings.EqualFold(name, "host") {
			o.host = strings.TrimSpace(value)
		} else {
			o.header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	case "L":
		o.follow = true
	case "k":
		o.insecure = true
	case "v":
		o.verbose = true
	case "f":
		o.fail = true
	case "A":
		o.header.Set("User-Agent", opt.value)
	case "u":
		o.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(opt.value)))
	case "cacert":
		o.caFile = opt.value
	case "resolve":
		parts := strings.SplitN(opt.value, ":", 3)
		if len(parts) != 3 {
			return errors.New("want HOST:PORT:ADDRESS")
		}
		o.resolve[net.JoinHostPort(parts[0], parts[1])] = parts[2]
	case "retry":
		n, err := strconv.Atoi(opt.value)
		if err != nil || n < 0 {
			return errors.New("expected a proper numerical parameter")
		}
		o.retry = n
	}
	return nil
}

// curlResult is what -w can print.
type curlResult struct {
	status              int
	size                int64
	connect, first, all time.Duration
	remote, url         string
	contentType         string
	redirects           int
	code                int
}

func (c *call) curlOne(raw string, o curlOptions) int {
	res := curlResult{url: raw}
	begin := time.Now()
	res.code = c.curlFollow(raw, o, begin, &res)
	res.all = time.Since(begin)
	if o.writeOut != "" && c.ctx.Err() == nil {
		c.printf("%s", res.format(o.writeOut))
	}
	return res.code
}

func (c *call) curlFollow(raw string, o curlOptions, begin time.Time, out *curlResult) int {
	target, err := parseURL(raw)
	if err != nil {
		return c.curlFail(o, curlMalformedURL, "URL rejected: Malformed input to a URL function")
	}
	ctx, cancel := c.ctx, context.CancelFunc(func() {})
	if o.maxTime > 0 {
		ctx, cancel = context.WithTimeout(ctx, o.maxTime)
	}
	defer cancel()
	for out.redirects = 0; out.redirects <= 50; out.redirects++ {
		if target.Scheme != "http" && target.Scheme != "https" {
			return c.curlFail(o, curlBadScheme, fmt.Sprintf("Protocol \"%s\" not supported", target.Scheme))
		}
		out.url = target.String()
		next, code := c.curlFetch(ctx, target, o, begin, out)
		if next == nil {
			return code
		}
		target = next
	}
	return c.curlFail(o, curlTooManyHops, "Maximum (50) redirects followed")
}

func (c *call) curlFail(o curlOptions, code int, text string) int {
	if (!o.silent || o.showError) && c.ctx.Err() == nil {
		c.errorf("curl: (%d) %s", code, text)
	}
	return code
}

func (o curlOptions) request(c *call, target *url.URL) *exchange {
	x := &exchange{
		c: c, method: http.MethodGet, url: target, header: o.header.Clone(), host: o.host, connectTimeout: o.connectTimeout,
		insecure: o.insecure, caFile: o.caFile, resolve: o.resolve,
	}
	if len(o.data) > 0 {
		x.method, x.body = http.MethodPost, strings.Join(o.data, "&")
		if x.header.Get("Content-Type") == "" {
			x.header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	if o.head {
		x.method = http.MethodHead
	}
	if o.method != "" {
		x.method = o.method
	}
	return x
}

func (c *call) curlFetch(ctx context.Context, target *url.URL, o curlOptions, begin time.Time, out *curlResult) (next *url.URL, code int) {
	x := o.request(c, target)
	defer x.close()
	if err := x.connect(ctx); err != nil {
		return nil, c.curlError(x, err, o, begin, out)
	}
	out.connect, out.remote = time.Since(begin), x.remote
	note := func(format string, args ...any) {
		if o.verbose {
			c.errorf(format, args...)
		}
	}
	note("*   Trying %s...\n* Connected to %s (%s) port %s", net.JoinHostPort(x.remote, portOf(target)), target.Hostname(), x.remote, portOf(target))
	host := target.Host
	if o.host != "" {
		host = o.host
	}
	note("> %s %s HTTP/1.1\n> Host: %s", x.method, target.RequestURI(), host)
	for _, k := range sortedKeys(x.header) {
		note("> %s: %s", k, x.header.Get(k))
	}
	note(">")
	res, err := x.send(ctx)
	if err != nil {
		return nil, c.curlError(x, err, o, begin, out)
	}
	defer res.Body.Close()
	out.first, out.status, out.contentType = time.Since(begin), res.StatusCode, res.Header.Get("Content-Type")
	var headers strings.Builder
	for _, k := range sortedKeys(res.Header) {
		for _, v := range res.Header[k] {
			headers.WriteString(k + ": " + v + "\n")
		}
	}
	note("< %s %s\n< %s\n<", res.Proto, res.Status, strings.ReplaceAll(strings.TrimSpace(headers.String()), "\n", "\n< "))
	if o.include || o.head {
		c.printf("%s %s\r\n%s\r\n", res.Proto, res.Status, strings.ReplaceAll(headers.String(), "\n", "\r\n"))
	}
	if loc, err := res.Location(); err == nil && o.follow && res.StatusCode >= 300 && res.StatusCode < 400 {
		return loc, exitOK
	}
	if o.fail && res.StatusCode >= 400 {
		return nil, c.curlFail(o, curlHTTPError, fmt.Sprintf("The requested URL returned error: %d", res.StatusCode))
	}
	return nil, c.curlBody(x, res, o, begin, out)
}

func (c *call) curlBody(x *exchange, res *http.Response, o curlOptions, begin time.Time, out *curlResult) int {
	var w io.Writer = c.out
	name := o.output
	if o.remoteName {
		name = path.Base(x.url.Path)
	}
	if name != "" && name != "-" {
		f, err := c.open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return c.curlFail(o, curlWriteError, fmt.Sprintf("client returned ERROR on write, 0 bytes of body written: %s: %s", name, errText(err)))
		}
		defer func(f workload.File) {
			if err := f.Close(); err != nil {
				c.errorf("curl: (23) %s: %s", name, errText(err))
			}
		}(f)
		w = f
	}
	mark := &markedWriter{w: w}
	n, err := io.Copy(mark, res.Body)
	out.size = n
	switch {
	case mark.err != nil:
		return c.curlFail(o, curlWriteError, "client returned ERROR on write")
	case err != nil:
		return c.curlError(x, err, o, begin, out)
	case o.verbose:
		c.errorf("* shutting down connection #0")
	}
	return exitOK
}

// markedWriter tells a failure to write from one to read.
type markedWriter struct {
	w   io.Writer
	err error
}

func (m *markedWriter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.err = err
	return n, err
}

func (c *call) curlError(x *exchange, err error, o curlOptions, begin time.Time, out *curlResult) int {
	ms := time.Since(begin).Milliseconds()
	host, port := x.url.Hostname(), portOf(x.url)
	if o.verbose {
		c.errorf("* closing connection #0")
	}
	var bad *resolveError
	var refused *connectError
	var unknown x509.UnknownAuthorityError
	var badName x509.HostnameError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &bad) && errors.Is(err, context.DeadlineExceeded):
		return c.curlFail(o, curlTimeout, fmt.Sprintf("Resolving timed out after %d milliseconds", ms))
	case errors.As(err, &bad):
		return c.curlFail(o, curlResolve, "Could not resolve host: "+bad.host)
	case errors.As(err, &refused) && timedOut(err) && o.connectTimeout == 0 && o.maxTime > 0:
		return c.curlFail(o, curlTimeout, fmt.Sprintf("Connection timed out after %d milliseconds", ms))
	case errors.As(err, &refused) && timedOut(err):
		return c.curlFail(o, curlTimeout, fmt.Sprintf("Failed to connect to %s port %s after %d ms: Timeout was reached", host, port, ms))
	case errors.As(err, &refused):
		return c.curlFail(o, curlConnect, fmt.Sprintf("Failed to connect to %s port %s after %d ms: Could not connect to server", host, port, ms))
	case timedOut(err):
		return c.curlFail(o, curlTimeout, fmt.Sprintf("Operation timed out after %d milliseconds with %d bytes received", ms, out.size))
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &badName):
		return c.curlFail(o, curlCertificate, "SSL certificate problem: "+strings.TrimPrefix(err.Error(), "tls: failed to verify certificate: ")+
			"\nMore details here: use --cacert FILE to trust the server's CA, or -k to trust nobody")
	case x.url.Scheme == "https" && out.status == 0 && !errors.Is(err, io.EOF):
		return c.curlFail(o, curlTLS, "TLS connect error: "+err.Error())
	case (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && out.status == 0:
		return c.curlFail(o, curlEmptyReply, "Empty reply from server")
	}
	return c.curlFail(o, curlRecvError, "Recv failure: "+netText(err))
}

// format fills in the variables of -w.
func (r curlResult) format(s string) string {
	secs := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }
	code := fmt.Sprintf("%03d", r.status)
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", "%%", "%",
		"%{http_code}", code, "%{response_code}", code, "%{time_total}", secs(r.all), "%{time_connect}", secs(r.connect),
		"%{time_starttransfer}", secs(r.first), "%{remote_ip}", r.remote, "%{size_download}", strconv.FormatInt(r.size, 10),
		"%{url_effective}", r.url, "%{url}", r.url, "%{content_type}", r.contentType, "%{num_redirects}", strconv.Itoa(r.redirects),
		"%{exitcode}", strconv.Itoa(r.code), "%{errormsg}", "",
	).Replace(s)
}
