package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Keymap is which key does what: the built-in table, and what a config file
// changes of it. It is not changed once it is made.
type Keymap struct {
	prefix string // as Bubble Tea names it
	table  bindings
}

// NewKeymap changes the built-in keys. The prefix is as ParsePrefix returns it,
// "" for the built-in one. The remap has the keys of an action, as people write
// them, by ACTION for all scopes that know it, or by SCOPE.ACTION for one; the
// latter is the stronger. An error names the entry.
func NewKeymap(prefix string, remap map[string][]string) (*Keymap, error) {
	k := &Keymap{prefix: prefix, table: defaultBindings()}
	if prefix == "" {
		k.prefix = "ctrl+g"
	}
	for in := range k.table {
		if !scope(in).prefixed() {
			continue
		}
		for i, b := range k.table[in] { // it never gets here as any other key
			k.table[in][i].keys = slices.DeleteFunc(slices.Clone(b.keys), func(key string) bool { return key == k.prefix })
		}
	}
	entries := make([]string, 0, len(remap))
	for entry := range remap {
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b string) int {
		if d := strings.Count(a, ".") - strings.Count(b, "."); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var by [scopes]map[action]string // the entry that has set it
	for _, entry := range entries {
		if err := k.set(entry, remap[entry], &by); err != nil {
			return nil, fmt.Errorf("%s: %w", entry, err)
		}
	}
	for in := range k.table {
		if err := k.unique(scope(in), by[in]); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// defaultKeymap is the built-in one.
func defaultKeymap() *Keymap {
	return &Keymap{"ctrl+g", defaultBindings()}
}

// set gives an action its keys, and notes the entry that does so.
func (k *Keymap) set(entry string, names []string, by *[scopes]map[action]string) error {
	where, what, scoped := strings.Cut(entry, ".")
	if !scoped {
		what = entry
	}
	found := !scoped
	known := false
	for in := range k.table {
		if scoped && scope(in).String() != where {
			continue
		}
		found = true
		for i, b := range k.table[in] {
			if string(b.action) != what {
				continue
			}
			known = true
			keys, err := k.parse(scope(in), names)
			if err != nil {
				return err
			}
			k.table[in][i].keys = keys
			if by[in] == nil {
				by[in] = map[action]string{}
			}
			by[in][b.action] = entry
		}
	}
	switch {
	case !found:
		return fmt.Errorf("there is no scope %q; `k8stutor keys` lists them", where)
	case !known && scoped:
		return fmt.Errorf("the scope %s has no action %q; `k8stutor keys` lists them", where, what)
	case !known:
		return fmt.Errorf("there is no action %q; `k8stutor keys` lists them", what)
	}
	return nil
}

// parse reads the keys of an action in a scope.
func (k *Keymap) parse(in scope, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, errors.New("it needs a key, or a list of them")
	}
	var out []string
	for _, name := range names {
		key, err := ParseKey(name)
		if err != nil {
			return nil, err
		}
		switch why := neverSent(key); {
		case why != "":
			return nil, fmt.Errorf("%s can't be used: %s", key, why)
		case key == k.prefix && in.prefixed():
			return nil, fmt.Errorf("%s is the prefix key; take another key, or another prefix", key)
		case in.typed() && (utf8.RuneCountInString(key) == 1 || key == "space"):
			return nil, fmt.Errorf("%s can't be used: it is needed for typing the answer", key)
		}
		if slices.Contains(out, key) {
			return nil, fmt.Errorf("%s is named twice", key)
		}
		out = append(out, key)
	}
	return out, nil
}

// unique sees to it that no key means two things in a scope. by has the entries
// that have set keys there.
func (k *Keymap) unique(in scope, by map[action]string) error {
	has := map[string]action{}
	for _, b := range k.table[in] {
		for _, key := range b.keys {
			other, taken := has[key]
			has[key] = b.action
			if !taken {
				continue
			}
			entry, ok := by[b.action]
			if ok {
				return fmt.Errorf("%s: %s already means %q in the scope %s; give that another key as well", entry, key, other, in)
			}
			return fmt.Errorf("%s: %s already means %q in the scope %s; give that another key as well", by[other], key, b.action, in)
		}
	}
	return nil
}

// in is the table of a scope.
func (k *Keymap) in(s scope) table { return k.table[s] }

// name is an action's key in a scope as people write it: PgUp.
func (k *Keymap) name(in scope, a action) string { return keyName(k.table[in].key(a)) }

// chord is the prefix and an action's key as people write them: ^G l.
func (k *Keymap) chord(a action) string { return keyName(k.prefix) + " " + k.name(scopePrefix, a) }

// KeyRow is what is known about one action in one scope.
type KeyRow struct {
	Scope, Action string
	Keys          []string // as a config file writes them
	Meaning       string   // in the learner's language
}

// Rows is the whole table, in the order of the help.
func (k *Keymap) Rows(lang string) ([]KeyRow, error) {
	w, err := newWords(lang)
	if err != nil {
		return nil, err
	}
	var out []KeyRow
	for in := range k.table {
		last := ""
		for _, b := range k.table[in] {
			help := b.help
			switch {
			case help != "":
				last = help
			case joins(b.action):
				help = last
			default:
				help = map[action]string{actForward: "help_forward", actBackward: "help_backward", actHelp: "help_help"}[b.action]
			}
			out = append(out, KeyRow{scope(in).String(), string(b.action), b.keys, w.say(help)})
		}
	}
	return out, nil
}

// joins reports whether an action is explained together with the one before it.
func joins(a action) bool {
	switch a {
	case actPrevCmd, actLeft, actDown, actHistDown, actLineUp, actPageUp, actBottom, actMatchBack, actCharRight, actLineEnd, actMarkLines, actCurRight, actCurEnd, actWordRight:
		return true
	}
	return false
}

// neverSent says why a key can't arrive, "" when it can.
func neverSent(key string) string {
	switch base := strings.TrimPrefix(key, "ctrl+"); {
	case slices.Contains([]string{"ctrl+i", "ctrl+m", "ctrl+[", "ctrl+h"}, key):
		return "terminals send it for Tab, Enter, Esc or Backspace"
	case key != base && utf8.RuneCountInString(base) == 1 && !strings.Contains(`abcdefghijklmnopqrstuvwxyz\]^_@`, base):
		return "terminals can't send it"
	}
	return ""
}
