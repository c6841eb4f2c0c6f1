package lessons

import (
	"strings"
	"testing"
	"unicode"
)

// TestAnswersThatMeanTheSame: what kubectl prints is right, and nothing else
// becomes right by it.
func TestAnswersThatMeanTheSame(t *testing.T) {
	tests := []struct {
		typ    answerType
		wanted string // with | between
		right  []string
		wrong  []string
	}{
		{answerName, "bravo", []string{
			"bravo", " BRAVO ", "pod/bravo", "pods/bravo", "Pod bravo", "pod \"bravo\"", "name: bravo", "`bravo`", "ｂｒａｖｏ", "bra\u200bvo",
			"\x1b[31mbravo\x1b[0m", "bravo.", "bravo     0/1     CrashLoopBackOff   5 (20s ago)   3m", "deployment.apps/bravo", "the pod is bravo", "「bravo」", "pod=bravo",
		}, []string{"", "charlie", "bravo charlie", "bravo or charlie", "bravo, charlie, alpha", "bravo-2", "brav", "pod", "not alpha but bravo", "\"bravo\" \"charlie\"", "bravo/charlie"}},
		{answerName, "orders-cert", []string{
			"secret orders-cert", "secret/orders-cert", "secretName: orders-cert", `secret "orders-cert" not found`,
			`MountVolume.SetUp failed for volume "tls" : secret "orders-cert" not found`,
		}, []string{"orders-tls", "orders-cert orders-tls", `secret "orders-tls" not found`}},
		{answerName, "RESPONSE_DELAY", []string{
			"RESPONSE_DELAY", "response_delay", "$RESPONSE_DELAY", "${RESPONSE_DELAY}", `RESPONSE_DELAY="200 ms"`, "RESPONSE_DELAY=200 ms", "RESPONSE_DELAY: 200 ms",
			`environment variable RESPONSE_DELAY="200 ms": time: unknown unit`,
		}, []string{"PORT", "RESPONSE", "PORT RESPONSE_DELAY LOG_PROBES", "LOG_PROBES RESPONSE_DELAY", "DELAY"}},
		{answerName, "DB_URL", []string{"DB_URL", "key DB_URL", "couldn't find key DB_URL in ConfigMap tutor-debug/orders", "key: DB_URL"}, []string{"DATABASE_URL", "DATABASE_URL DB_URL"}},
		{answerName, "/goapi|goapi", []string{"/goapi", `["/goapi"]`, "goapi", `exec: "/goapi": stat /goapi: no such file or directory`, "command: /goapi"}, []string{"/go-api", "go-api", "/goapi /go-api"}},
		{answerName, "--version", []string{"--version", `["--version"]`, "args: --version", `"--version"`}, []string{"--port", "--version --port"}},
		{answerName, "paymnet", []string{
			"paymnet", "http://paymnet", "http://paymnet/version", "BACKEND=http://paymnet/version", "wget: bad address 'paymnet'", "paymnet:80",
		}, []string{"payment", "payment paymnet", "wget: bad address 'payment'", "http://payment/version"}},
		{answerImage, "go-api:0.2.0|0.2.0", []string{
			"go-api:0.2.0", "docker.io/library/go-api:0.2.0", "0.2.0", `"go-api:0.2.0"`, "image: go-api:0.2.0", `Back-off pulling image "go-api:0.2.0"`,
			`Failed to pull image "go-api:0.2.0": not found`, "ｇｏ－ａｐｉ：0.2.0",
		}, []string{"go-api", "go-api:0.0.2", "go-api:latest", "go-api:0.2.0 go-api:0.0.2", "0.2", "go-api:0.2.01", "quay.io/go-api:0.2.0"}},
		{answerQuantity, "256Mi", []string{
			"256Mi", "0.25Gi", "256 MiB", "256mi", "268435456", "requests.memory: 256Mi", "requests.memory=256Mi", "memory 256Mi", "２５６Ｍｉ",
			"limited: requests.memory=256Mi",
		}, []string{"256", "256M", "512Mi", "256Gi", "256m", "256Mi 512Mi", "requested: requests.memory=512Mi, used: requests.memory=0, limited: requests.memory=256Mi", "2"}},
		{answerQuantity, "500", []string{"500", "cpu: 500", `"500"`, "500000m", "0.5k", "requests.cpu=500"}, []string{"500m", "5", "50", "500 1"}},
		{answerQuantity, "10m|10", []string{"10", " 10 ", "10m", "0.01", "10 m", "10 millicores", "10m CPU"}, []string{"20m", "20", "0.1", "10Mi"}},
		{answerDuration, "40s", []string{
			"40", "40s", "40 s", "40 sec", "40 secs", "40 seconds", "~40", "~ 40 s", "about 40", "40秒", "40 秒", "４０秒", "0m40s", "40.0", "≈40s", "約 40 秒",
			"back-off 40s restarting failed container=metronome pod=metronome_tutor-crashloop(1-2)",
		}, []string{"10", "40m", "400", "4", "40 300", "30s 40s", "20s, then 40s", "40 ms", "1m40s"}},
		{answerDuration, "300s", []string{"300", "5m", "5 min", "5 mins", "5m0s", "5 minutes", "300 s", "5 分鐘", "5分钟", "5 分", "300秒", "300.0 s"}, []string{"5", "320", "30", "5 s", "5h", "40"}},
		{answerNumber, "1", []string{"1", "Exit Code: 1", "exit 1", "exit code 1", "code 1", "1.0", "１", "#1", "Exit Code:    1", "1."}, []string{"137", "0", "11", "1 2", "0 or 1", "1/2", "-1"}},
		{answerNumber, "404", []string{"404", "404 Not Found", "HTTP 404", "statuscode: 404", "Readiness probe failed: HTTP probe failed with statuscode: 404", "HTTP/1.1 404 Not Found"}, []string{"503", "404 503", "40", "4040"}},
		{answerPort, "8080", []string{"8080", "8080/TCP", ":8080", "port 8080", "TargetPort: 8080/TCP", "10.42.0.5:8080", "http://10.42.0.5:8080/", "targetPort: 8080", `level=INFO msg="listening on :8080"`, `time=2026-12-01T12:00:00.123Z level=INFO msg="listening on :8080"`}, []string{"80", "9090", "80:8080/TCP", "8080 9090", "808", "80800"}},
		{answerPort, "web", []string{"web", "web/TCP", "targetPort: web", "TargetPort: web/TCP", `"web"`}, []string{"http", "http/TCP", "web http", "80"}},
		{answerAddress, "10.42.0.5", []string{"10.42.0.5", "10.42.0.5:8080", "http://10.42.0.5:8080/version", "IP: 10.42.0.5", "client=10.42.0.5", "１０．４２．０．５", "　10.42.0.5　"}, []string{"10.42.0.50", "10.42.0", "10.42.0.5 10.42.0.6"}},
		{answerAddress, "::1|127.0.0.1|localhost", []string{"::1", "[::1]", "[::1]:53412", "localhost", "127.0.0.1:40100"}, []string{"10.0.0.1", "::2"}},
		{answerPair, "app=order|order", []string{"app=order", "app: order", "app:order", `"app": "order"`, `{"app":"order"}`, "app = order", "order", "Selector: app=order", "map[app:order]"}, []string{"app=orders", "app", "app=order app=orders", "tier=order"}},
		{answerPair, "order=ab12|ab12", []string{"ab12", "order=ab12", "/crash?order=ab12", "GET /crash?order=ab12", `time=2026-12-01T12:00:00Z level=INFO msg="GET /crash?order=ab12" from=10.0.0.1`}, []string{"/crash", "order=cd34", "order=ab12 order=cd34", "order=ab123"}},
		{answerChoice, "kubelet", []string{"kubelet", "Kubelet", "ｋｕｂｅｌｅｔ"}, []string{"the kubelet is it", "kubelet scheduler", "kube"}},
		{answerText, "映像檔", []string{"映像檔"}, []string{"映像"}},
		{answerText, "never", []string{"never", "Never", `"never"`}, []string{"never ever"}},
	}
	for _, tt := range tests {
		wanted := strings.Split(tt.wanted, "|")
		for _, given := range tt.right {
			if !tt.typ.accepts(given, wanted) {
				t.Errorf("%s: %q is not taken for %q", tt.typ, given, tt.wanted)
			}
		}
		for _, given := range tt.wrong {
			if tt.typ.accepts(given, wanted) {
				t.Errorf("%s: %q is taken for %q", tt.typ, given, tt.wanted)
			}
		}
		if tt.typ.accepts(strings.Repeat("x ", 5000)+wanted[0], wanted) {
			t.Errorf("%s: 10 kB are taken for %q", tt.typ, tt.wanted)
		}
		if tt.typ.accepts(wanted[0], nil) {
			t.Errorf("%s: %q is right without a key", tt.typ, wanted[0])
		}
	}
}

// FuzzAnswers: whatever is typed, only what holds the value or a spelling of it
// is right, and the whole value always is.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"bravo", "charlie", "pod/bravo x", "１２３", "\x1b[31m", "5m0s", "\"'`", "a=b", "http://", "...", "key:", strings.Repeat("9", 400) + "Gi"} {
		f.Add(s)
	}
	wanted := map[answerType]string{
		answerName: "bravo", answerImage: "go-api:0.2.0", answerAddress: "10.42.0.5", answerPair: "app=order", answerChoice: "kubelet", answerText: "never",
		answerQuantity: "256Mi", answerDuration: "40s", answerNumber: "404", answerPort: "8080",
	}
	f.Fuzz(func(t *testing.T, given string) {
		for typ, want := range wanted {
			if !typ.accepts(" "+want+"\n", []string{want}) {
				t.Fatalf("%s: %q itself is not right", typ, want)
			}
			if !typ.accepts(given, []string{want}) {
				continue
			}
			seen := normalAnswer(given)
			switch typ {
			case answerQuantity, answerDuration, answerNumber, answerPort:
				if !strings.ContainsFunc(seen, unicode.IsDigit) {
					t.Fatalf("%s: %q holds no number and is taken for %q", typ, given, want)
				}
			case answerPair:
				if !strings.Contains(strings.ToLower(seen), "order") {
					t.Fatalf("%s: %q is taken for %q", typ, given, want)
				}
			default:
				if !strings.Contains(strings.ToLower(seen), want) {
					t.Fatalf("%s: %q does not hold %q", typ, given, want)
				}
			}
		}
	})
}
