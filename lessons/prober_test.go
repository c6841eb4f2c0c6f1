package lessons

import "testing"

func TestProbeReason(t *testing.T) {
	for text, want := range map[string]string{
		`no endpoints available for service "go-api"`:                                        `no endpoints available for service "go-api"`,
		"error trying to reach service: dial tcp 10.244.0.5:80: connect: connection refused": "dial tcp 10.244.0.5:80: connect: connection refused",
		"error trying to reach service: proxy error from /run/egress.sock while dialing 10.244.0.5:80, code 502: 502 dial tcp 10.244.0.5:80: connect: connection refused": "dial tcp 10.244.0.5:80: connect: connection refused",
	} {
		if got := probeReason(text); got != want {
			t.Errorf("probeReason(%q) = %q, want %q", text, got, want)
		}
	}
}
