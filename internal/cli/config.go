package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/k8stutor/k8stutor/tui"
)

// configure reads flags, environment (K8STUTOR_*) and config file into viper,
// in this order of precedence.
func (a *app) configure(cmd *cobra.Command) error {
	a.v.SetEnvPrefix("K8STUTOR")
	a.v.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	a.v.AutomaticEnv()
	if err := a.v.BindPFlags(cmd.Flags()); err != nil {
		return err
	}
	file := a.v.GetString("config")
	given := file != ""
	if !given {
		file = filepath.Join(xdg.ConfigHome, "k8stutor", "config.yaml")
	}
	a.v.SetConfigFile(file)
	err := a.v.ReadInConfig()
	switch {
	case err == nil:
		return a.checkConfig(file)
	case errors.Is(err, os.ErrNotExist) && !given:
		return a.bindKeys("", nil)
	default:
		return usagef("config file %s: %w", file, err)
	}
}

// checkConfig refuses keys that mean nothing: a misspelt one would be ignored
// in silence.
func (a *app) checkConfig(file string) error {
	known := map[string]bool{"cluster": true, "name": true, "lang": true, "embedded": true, "kind-image": true, "lesson-images": true, "plain": true, "prefix": true, "keys": true}
	only := viper.New()
	only.SetConfigFile(file)
	if err := only.ReadInConfig(); err != nil {
		return usagef("config file %s: %w", file, err)
	}
	for _, key := range only.AllKeys() {
		if !known[key] && !strings.HasPrefix(key, "keys.") {
			return usagef("config file %s: unknown key %q; known are cluster, name, lang, plain, prefix, keys, embedded, kind-image and lesson-images", file, key)
		}
	}
	return a.bindKeys(file, only.Get("keys"))
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
