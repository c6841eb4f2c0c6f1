package suggest

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	commands := []string{"start", "list", "check", "reset", "lesson", "cluster", "kubectl", "version"}
	fields := []string{"id", "name", "expr", "spec", "status", "solution"}
	for _, tc := range []struct {
		name  string
		known []string
		want  []string
	}{
		{"sttart", commands, []string{"start"}},
		{"lessn", commands, []string{"lesson"}},
		{"kubctl", commands, []string{"kubectl"}},
		{"vers", commands, []string{"version"}},
		{"List", commands, []string{"list"}},
		{"frobnicate", commands, nil},
		{"x", commands, nil},
		{"solutoin", fields, []string{"solution"}},
		{"exrp", fields, []string{"expr"}},
		{"開始", commands, nil},
	} {
		if got := Nearest(tc.name, tc.known); !slices.Equal(got, tc.want) {
			t.Errorf("Nearest(%q) = %v, want %v", tc.name, got, tc.want)
		}
	}
}
