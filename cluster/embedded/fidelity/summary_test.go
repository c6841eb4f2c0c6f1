package fidelity

import (
	"encoding/json"
	"testing"
)

// nanoCores reads a Pod's CPU use out of the kubelet's summary; 0 if it has
// none yet.
func nanoCores(t *testing.T, summary, namespace, pod string) float64 {
	t.Helper()
	var s struct {
		Pods []struct {
			PodRef struct{ Name, Namespace string }
			CPU    struct{ UsageNanoCores float64 }
		}
	}
	if err := json.Unmarshal([]byte(summary), &s); err != nil {
		t.Fatalf("summary: %v", err)
	}
	for _, p := range s.Pods {
		if p.PodRef.Name == pod && p.PodRef.Namespace == namespace {
			return p.CPU.UsageNanoCores
		}
	}
	return 0
}

// checkListed fails where a summary lacks one of the Pods.
func checkListed(t *testing.T, summary, namespace string, pods ...string) {
	t.Helper()
	var s struct {
		Pods []struct {
			PodRef struct{ Name, Namespace string }
		}
	}
	if err := json.Unmarshal([]byte(summary), &s); err != nil {
		t.Fatalf("summary: %v", err)
	}
	listed := map[string]bool{}
	for _, p := range s.Pods {
		listed[p.PodRef.Namespace+"/"+p.PodRef.Name] = true
	}
	for _, pod := range pods {
		if !listed[namespace+"/"+pod] {
			t.Errorf("the summary lacks %s, it has %v", pod, listed)
		}
	}
}
