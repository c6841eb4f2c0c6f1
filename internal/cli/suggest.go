package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// unknown is the error for a name that is none of known. It suggests what was
// probably meant.
func unknown(what, name string, known []string) error {
	if near := nearest(name, known); len(near) > 0 {
		return usagef("there is no %s %q; did you mean %s?", what, name, strings.Join(near, " or "))
	}
	return usagef("there is no %s %q; there are: %s", what, name, strings.Join(known, ", "))
}

// nearest returns the known names that name is a part of, or that are at most
// a third of its length away from it, nearest first, two at most.
func nearest(name string, known []string) []string {
	type candidate struct {
		name string
		d    int
	}
	var near []candidate
	for _, k := range known {
		d := distance(strings.ToLower(name), strings.ToLower(k))
		if len(name) >= 3 && strings.Contains(strings.ToLower(k), strings.ToLower(name)) {
			d = min(d, 1)
		}
		if d <= max(1, len(name)/3) {
			near = append(near, candidate{k, d})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.d - b.d })
	var out []string
	for _, c := range near[:min(2, len(near))] {
		out = append(out, c.name)
	}
	return out
}

// distance is the number of letters to add, drop, change or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	before, prev := []int(nil), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev = prev, row
	}
	return prev[len(b)]
}
