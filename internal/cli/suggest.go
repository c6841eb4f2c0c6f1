package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/internal/suggest"
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
	if near := suggest.Nearest(name, known); len(near) > 0 {
		return usagef("there is no %s %q; did you mean %s?", what, name, strings.Join(near, " or "))
	}
	return usagef("there is no %s %q; there are: %s", what, name, strings.Join(known, ", "))
}
