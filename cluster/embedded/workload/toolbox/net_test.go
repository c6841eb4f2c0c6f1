package toolbox_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

// serve starts a web server and a name server in the process's network.
func serve(t *testing.T, p *workloadtest.Process) {
	t.Helper()
	p.Net.Hosts["go-api"] = []string{"10.96.1.2"}
	p.Net.Hosts["nobody"] = []string{"10.96.1.3"}
	p.Net.Hosts["black"] = []string{"10.96.1.4"}
	p.Net.Black["10.96.1.4"] = true
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "hello %s %s\n", r.Method, r.Header.Get("X-Name"))
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(20 * time.Second):
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1000)
		_ = r.ParseForm()
		fmt.Fprintf(w, "%s %s %s\n", r.Host, r.Header.Get("Content-Type"), r.PostForm.Encode())
	})
	mux.HandleFunc("/hangup", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	l, err := p.Net.Listen("tcp", ":8080")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	serveNames(t, p)
}

func serveNames(t *testing.T, p *workloadtest.Process) {
	t.Helper()
	p.WriteFile(t, "/etc/resolv.conf", "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n", 0o644)
	pc, err := p.Net.ListenPacket("udp", ":53")
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]string{
		"go-api.default.svc.cluster.local. A":              "go-api.default.svc.cluster.local. 5 IN A 10.96.1.2",
		"_http._tcp.go-api.default.svc.cluster.local. SRV": "_http._tcp.go-api.default.svc.cluster.local. 5 IN SRV 0 100 8080 go-api.default.svc.cluster.local.",
		"outside.default.svc.cluster.local. A":             "outside.default.svc.cluster.local. 5 IN CNAME example.com.",
		"2.1.96.10.in-addr.arpa. PTR":                      "2.1.96.10.in-addr.arpa. 5 IN PTR go-api.default.svc.cluster.local.",
	}
	exists := "go-api.default.svc.cluster.local. outside.default.svc.cluster.local."
	started := make(chan struct{})
	srv := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(r)
		q := r.Question[0]
		if rec, ok := records[q.Name+" "+dns.TypeToString[q.Qtype]]; ok {
			rr, err := dns.NewRR(rec)
			if err == nil {
				m.Answer = append(m.Answer, rr)
			}
		} else if !strings.Contains(exists, q.Name) {
			m.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(m)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = srv.Shutdown(); <-done })
}

func TestNetwork(t *testing.T) {
	const server = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n"
	tests := []struct {
		script, out, err string // patterns where they begin with ^
		code             int
	}{
		{`wget -q -O- http://go-api:8080`, "hello GET \n", "", 0},
		{`wget -O- http://go-api:8080/`, "hello GET \n", "^Connecting to go-api:8080 \\(10.96.1.2:8080\\)\nwriting to stdout\n-  .*11  0:00:00 ETA\nwritten to stdout\n$", 0},
		{`wget -q http://go-api:8080/; cat index.html`, "hello GET \n", "", 0},
		{`wget -q -O /f go-api:8080/moved --header 'X-Name: x'; cat /f`, "hello GET x\n", "", 0},
		{`wget -q -O- http://nope:8080`, "", "wget: bad address 'nope'\n", 1},
		{`wget -q -O- http://nobody:81`, "", "wget: can't connect to remote host (10.96.1.3): Connection refused\n", 1},
		{`wget -q -T 0.1 -O- http://black:8080`, "", "wget: download timed out\n", 1},
		{`wget -q --timeout=0.1 -O- http://go-api:8080/slow`, "", "wget: download timed out\n", 1},
		{`wget -q -O- http://go-api:8080/nope`, "", "wget: server returned error: HTTP/1.1 404 Not Found\n", 1},
		{`wget --spider http://go-api:8080`, "", "^Connecting to .*\nremote file exists\n$", 0},
		{`wget -q -O- --post-data a=1 http://go-api:8080/echo`, "go-api:8080 application/x-www-form-urlencoded a=1\n", "", 0},
		{`wget -q -S -O /dev/null http://go-api:8080`, "", "^  HTTP/1.1 200 OK\n(  .*\n)+$", 0},

		{`curl http://go-api:8080`, "hello GET \n", "", 0},
		{`curl -s -o /dev/null -w '%{http_code} %{remote_ip}\n' go-api:8080/nope`, "404 10.96.1.2\n", "", 0},
		{`curl -sS http://nope`, "", "curl: (6) Could not resolve host: nope\n", 6},
		{`curl -s http://nope`, "", "", 6},
		{`curl http://nobody:81`, "", "^curl: \\(7\\) Failed to connect to nobody port 81 after \\d+ ms: Could not connect to server\n$", 7},
		{`curl -m 0.1 http://black:8080`, "", "^curl: \\(28\\) Connection timed out after \\d+ milliseconds\n$", 28},
		{`curl --connect-timeout 0.1 http://black:8080`, "", "^curl: \\(28\\) Failed to connect to black port 8080 after \\d+ ms: Timeout was reached\n$", 28},
		{`curl -m 0.2 http://go-api:8080/slow`, "", "^curl: \\(28\\) Operation timed out after \\d+ milliseconds with 0 bytes received\n$", 28},
		{`curl -f http://go-api:8080/nope`, "", "curl: (22) The requested URL returned error: 404\n", 22},
		{`curl http://go-api:8080/hangup`, "", "curl: (52) Empty reply from server\n", 52},
		{`curl ftp://go-api/`, "", "curl: (1) Protocol \"ftp\" not supported\n", 1},
		{`curl`, "", "curl: (2) no URL specified\ncurl: try 'curl --help' for more information\n", 2},
		{`curl -L -H 'X-Name: y' http://go-api:8080/moved`, "hello GET y\n", "", 0},
		{`curl -X DELETE http://go-api:8080`, "hello DELETE \n", "", 0},
		{`curl -d b=2 -H 'Host: other' http://go-api:8080/echo`, "other application/x-www-form-urlencoded b=2\n", "", 0},
		{`curl -sI http://go-api:8080 | head -1 | tr -d '\r'`, "HTTP/1.1 200 OK\n", "", 0},
		{`curl -si http://go-api:8080 | tail -1`, "hello GET \n", "", 0},
		{`curl -sv http://go-api:8080 2>&1 | grep -c '^[<>*]'`, "^1\\d\n$", "", 0},
		{`curl --nope x`, "", "curl: option --nope: is unknown\ncurl: try 'curl --help' for more information\n", 2},

		{`nslookup go-api`, server + "Name:\tgo-api.default.svc.cluster.local\nAddress: 10.96.1.2\n\n", "", 0},
		{`nslookup go-api.default.svc.cluster.local`, server + "Name:\tgo-api.default.svc.cluster.local\nAddress: 10.96.1.2\n\n", "", 0},
		{`nslookup nope`, server + "** server can't find nope: NXDOMAIN\n\n", "", 1},
		{`nslookup -type=SRV _http._tcp.go-api`, server + "_http._tcp.go-api.default.svc.cluster.local\tservice = 0 100 8080 go-api.default.svc.cluster.local.\n\n", "", 0},
		{`nslookup -type=TXT go-api`, server + "*** Can't find go-api: No answer\n\n", "", 1},
		{`nslookup outside`, server + "outside.default.svc.cluster.local\tcanonical name = example.com.\n\n", "", 0},
		{`nslookup 10.96.1.2`, server + "2.1.96.10.in-addr.arpa\tname = go-api.default.svc.cluster.local.\n\n", "", 0},
		{`dig +short +search go-api`, "10.96.1.2\n", "", 0},

		{`nc -z go-api 8080; echo $?`, "0\n", "", 0},
		{`nc -zv go-api 8080`, "", "go-api (10.96.1.2:8080) open\n", 0},
		{`nc -z nobody 81`, "", "nc: nobody (10.96.1.3:81): Connection refused\n", 1},
		{`nc -z -w 0.1 black 8080`, "", "nc: black (10.96.1.4:8080): Connection timed out\n", 1},
		{`printf 'GET / HTTP/1.0\r\n\r\n' | nc go-api 8080 | tail -1`, "hello GET \n", "", 0},
		{`load -q -c 4 -n 20 http://go-api:8080/`, "^\nrequests   20 in .*\nsucceeded  20\nfailed     0\nlatency .*\nanswers\n       20  hello GET \n$", "", 0},
		{`load -q -n 3 http://nobody:81/`, "^\nrequests   3 in .*\nsucceeded  0\nfailed     3\n           3 × Connection refused\n$", "", 1},
		{`load -q -c 1 -r 1000 -d 0.1 http://go-api:8080/ | grep -c succeeded`, "1\n", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			p := workloadtest.New(t, "sh", "-c", tt.script)
			serve(t, p)
			code := run(t, p)
			check(t, "stdout", p.Out.String(), tt.out)
			check(t, "stderr", p.Err.String(), tt.err)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
		})
	}
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if strings.HasPrefix(want, "^") {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s %q, want like %q", what, got, want)
		}
		return
	}
	if got != want {
		t.Errorf("%s %q, want %q", what, got, want)
	}
}

// TestNamesUnanswered shows what a dead cluster DNS looks like.
func TestNamesUnanswered(t *testing.T) {
	p := workloadtest.New(t, "nslookup", "x")
	p.WriteFile(t, "/etc/resolv.conf", "nameserver 10.96.0.10\n", 0o644)
	if code := run(t, p); code != 1 || !strings.Contains(p.Out.String(), ";; no servers could be reached") {
		t.Errorf("exit code %d, stdout %q", code, p.Out)
	}
}
