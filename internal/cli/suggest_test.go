package cli

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"start", "list", "check", "reset", "lesson", "cluster", "kubectl", "version"}
	for _, tc := range []struct {
		name string
		want []string
	}{
		{"sttart", []string{"start"}},
		{"lessn", []string{"lesson"}},
		{"kubctl", []string{"kubectl"}},
		{"vers", []string{"version"}},
		{"List", []string{"list"}},
		{"frobnicate", nil},
		{"x", nil},
	} {
		if got := nearest(tc.name, known); !slices.Equal(got, tc.want) {
			t.Errorf("nearest(%q) = %v, want %v", tc.name, got, tc.want)
		}
	}
}
