// Package suggest finds the name that was probably meant by a mistyped one.
package suggest

import (
	"slices"
	"strings"
)

// Nearest returns the known names that name is a part of, or that are at most
// a third of its length away from it: nearest first, two at most. Case does not
// matter.
func Nearest(name string, known []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	lower := strings.ToLower(name)
	length := len([]rune(name))
	var near []candidate
	for _, k := range known {
		d := distance([]rune(lower), []rune(strings.ToLower(k)))
		if length >= 3 && strings.Contains(strings.ToLower(k), lower) {
			d = min(d, 1)
		}
		if d <= max(1, length/3) {
			near = append(near, candidate{k, d})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.distance - b.distance })
	var out []string
	for _, c := range near[:min(2, len(near))] {
		out = append(out, c.name)
	}
	return out
}

// distance is the optimal string alignment distance: how many characters to
// add, drop, change or swap with their neighbour to make b of a.
func distance(a, b []rune) int {
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
