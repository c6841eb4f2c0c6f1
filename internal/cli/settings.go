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

// settings are what flags, environment (K8STUTOR_*) and config file say, in
// this order of precedence. They are read once, before a command runs.
type settings struct {
	cluster string // provider.Auto or the name of a provider
	name    string // of the cluster
	named   bool   // the name was asked for; it is not merely the default
	lang    string // of the lessons; empty: the environment's

	embedded     string // path of k8stutor-embedded; empty: look for it
	nodeImage    string // kind's; empty: the one that kind was released with
	lessonImages string // archive of the lessons' images for kind; empty: look for it

	plain bool
	json  bool // the output is JSON, not text
	keys  *tui.Keymap
}

// configKeys are the entries of the config file. --image is kind-image there,
// as it says nothing without the flags beside it.
var configKeys = []string{"cluster", "name", "lang", "plain", "prefix", "keys", "embedded", "kind-image", "lesson-images"}

// readSettings reads the settings for a command.
func readSettings(cmd *cobra.Command) (settings, error) {
	v := viper.New()
	v.SetEnvPrefix("K8STUTOR")
	v.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	v.AutomaticEnv()
	if err := v.BindPFlags(cmd.Flags()); err != nil {
		return settings{}, err
	}
	file, keys, err := readConfigFile(v)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		cluster: v.GetString("cluster"), name: v.GetString("name"), lang: v.GetString("lang"),
		named:    cmd.Flags().Changed("name") || v.InConfig("name") || os.Getenv("K8STUTOR_NAME") != "",
		embedded: v.GetString("embedded"), nodeImage: v.GetString("image"), lessonImages: v.GetString("lesson-images"),
		plain: v.GetBool("plain"),
	}
	if s.nodeImage == "" {
		s.nodeImage = v.GetString("kind-image")
	}
	if f := cmd.Flags().Lookup("output"); f != nil {
		if s.json, err = wantsJSON(v.GetString("output"), f.Changed); err != nil {
			return settings{}, err
		}
	}
	s.keys, err = keymap(v.GetString("prefix"), file, keys)
	return s, err
}

// wantsJSON reads --output or K8STUTOR_OUTPUT.
func wantsJSON(output string, byFlag bool) (bool, error) {
	switch output {
	case "text":
		return false, nil
	case "json":
		return true, nil
	}
	from := "K8STUTOR_OUTPUT"
	if byFlag {
		from = "--output"
	}
	return false, usagef("%s %q: use text or json", from, output)
}

// readConfigFile reads the config file into v and returns its name and what it
// says of keys. A file that was not asked for need not be there. Entries that
// mean nothing are refused: a misspelt one would be ignored in silence.
func readConfigFile(v *viper.Viper) (file string, keys any, err error) {
	file = v.GetString("config")
	given := file != ""
	if !given {
		file = filepath.Join(xdg.ConfigHome, "k8stutor", "config.yaml")
	}
	only := viper.New()
	only.SetConfigFile(file)
	err = only.ReadInConfig()
	switch {
	case errors.Is(err, os.ErrNotExist) && !given:
		return "", nil, nil
	case err != nil:
		return "", nil, usagef("config file %s: %w", file, err)
	}
	for _, key := range only.AllKeys() {
		if !slices.Contains(configKeys, key) && !strings.HasPrefix(key, "keys.") {
			last := len(configKeys) - 1
			return "", nil, usagef("config file %s: unknown key %q; known are %s and %s", file, key, strings.Join(configKeys[:last], ", "), configKeys[last])
		}
	}
	v.SetConfigFile(file)
	if err := v.ReadInConfig(); err != nil {
		return "", nil, usagef("config file %s: %w", file, err)
	}
	return file, only.Get("keys"), nil
}

// keymap makes the keys of the screen from the prefix key and what the config
// file says under keys; an error names the file and the entry.
func keymap(prefix, file string, keys any) (*tui.Keymap, error) {
	if prefix != "" {
		var err error
		if prefix, err = tui.ParsePrefix(prefix); err != nil {
			return nil, usagef("prefix: %w", err)
		}
	}
	remap, err := keyLists(keys)
	if err != nil {
		return nil, usagef("config file %s: keys: %w", file, err)
	}
	m, err := tui.NewKeymap(prefix, remap)
	if err != nil {
		return nil, usagef("config file %s: keys: %w", file, err)
	}
	return m, nil
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
