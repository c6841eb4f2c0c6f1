package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
)

// phaseLines prints a line for each phase that ends, and how far those are that
// may take minutes.
func phaseLines(w io.Writer) cluster.Progress {
	told := false
	return func(p cluster.Phase) {
		if !told && p.Whole > 0 {
			told = true
			fmt.Fprintf(w, "  The last start took %.1f s.\n", p.Whole.Seconds())
		}
		switch {
		case p.Err != nil:
			fmt.Fprintf(w, "✗ %-40s %6.1f s  %v\n", p.Title, p.Elapsed.Seconds(), p.Err)
		case p.Done:
			fmt.Fprintf(w, "✓ %-40s %6.1f s\n", p.Title, p.Elapsed.Seconds())
		case p.ID == "lock", p.ID == "kind-image":
			fmt.Fprintf(w, "  %s: %s\n", p.Title, p.Detail)
		}
	}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// outputFlag gives a command --output, which readSettings reads.
func outputFlag(c *cobra.Command) {
	c.Flags().StringP("output", "o", "text", "output format: text or json")
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("`%s` takes no arguments but got %q; see `%s --help`", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
