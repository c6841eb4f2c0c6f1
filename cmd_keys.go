package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/tui"
)

func (a *app) keysCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "List the keys of the screen, and the names to change them by",
		Long: `Lists what each key does: the scope in which it does it, the name of the action,
the keys, and what it is for. In the scope "prefix" the prefix key comes first.

The config file gives an action other keys, by its name for all scopes that
know it, or by SCOPE.ACTION for one:

  prefix: ctrl+b
  keys:
    next: x
    overlay.close: [esc, f10]`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lang, err := a.lang()
			if err != nil {
				return err
			}
			rows, err := a.keys.Rows(lang)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SCOPE\tACTION\tKEYS\tMEANING")
			for _, r := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Scope, r.Action, strings.Join(r.Keys, " "), r.Meaning)
			}
			return w.Flush()
		},
	}
}

// bindKeys takes the prefix key and what the config file says under keys; an
// error names the file and the entry.
func (a *app) bindKeys(file string, keys any) error {
	prefix := a.v.GetString("prefix")
	if prefix != "" {
		var err error
		if prefix, err = tui.ParsePrefix(prefix); err != nil {
			return usagef("prefix: %w", err)
		}
	}
	remap, err := keyLists(keys)
	if err == nil {
		a.keys, err = tui.NewKeymap(prefix, remap)
	}
	if err != nil {
		return usagef("config file %s: keys: %w", file, err)
	}
	return nil
}

// keyLists reads the keys of the config file: a key or a list of keys for each
// action. A digit is a key too, though YAML reads it as a number.
func keyLists(from any) (map[string][]string, error) {
	if from == nil {
		return nil, nil
	}
	entries, ok := from.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("wanted ACTION: KEY on lines of their own, got %v", from)
	}
	out := map[string][]string{}
	for _, entry := range slices.Sorted(maps.Keys(entries)) {
		list, ok := entries[entry].([]any)
		if !ok {
			list = []any{entries[entry]}
		}
		out[entry] = make([]string, 0, len(list))
		for _, v := range list {
			switch v := v.(type) {
			case string:
				out[entry] = append(out[entry], v)
			case int:
				out[entry] = append(out[entry], fmt.Sprint(v))
			default:
				return nil, fmt.Errorf(`%s: wanted a key or a list of them, such as x or [x, "["], got %v`, entry, v)
			}
		}
	}
	return out, nil
}
