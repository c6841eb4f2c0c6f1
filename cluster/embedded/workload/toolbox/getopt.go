package toolbox

import (
	"fmt"
	"strings"
)

// option is one option that was given: its letter, or its long name without
// the dashes when it has no letter.
type option struct{ name, value string }

// getopt parses arguments as GNU getopt_long does: options and operands may be
// mixed, "--" ends the options. short is like "qO:": a colon means that the
// option has a value. A leading "+" stops at the first operand, for commands
// that run other commands. long holds "spider", "header:" and, for a long name
// of a letter, "timeout=T".
func getopt(args []string, short string, long ...string) (opts []option, rest []string, err error) {
	stop := strings.HasPrefix(short, "+")
	short = strings.TrimPrefix(short, "+")
	hasValue := func(letter byte) (value, known bool) {
		i := strings.IndexByte(short, letter)
		if i < 0 || letter == ':' {
			return false, false
		}
		return i+1 < len(short) && short[i+1] == ':', true
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return opts, append(rest, args[i+1:]...), nil
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a[2:], "=")
			o, wants, ok := longOption(name, long, hasValue)
			if !ok {
				return nil, nil, fmt.Errorf("unrecognized option: %s", a)
			}
			if wants && !given {
				if i++; i >= len(args) {
					return nil, nil, fmt.Errorf("option requires an argument: %s", name)
				}
				value = args[i]
			}
			opts = append(opts, option{o, value})
		case len(a) > 1 && a[0] == '-':
			for j := 1; j < len(a); j++ {
				wants, ok := hasValue(a[j])
				if !ok {
					return nil, nil, fmt.Errorf("unrecognized option: %c", a[j])
				}
				o := option{name: a[j : j+1]}
				if wants {
					if o.value = a[j+1:]; o.value == "" {
						if i++; i >= len(args) {
							return nil, nil, fmt.Errorf("option requires an argument: %c", a[j])
						}
						o.value = args[i]
					}
					j = len(a)
				}
				opts = append(opts, o)
			}
		default:
			if stop {
				return opts, append(rest, args[i:]...), nil
			}
			rest = append(rest, a)
		}
	}
	return opts, rest, nil
}

func longOption(name string, long []string, hasValue func(byte) (bool, bool)) (option string, wants, ok bool) {
	for _, l := range long {
		l, letter, aliased := strings.Cut(l, "=")
		l, wants := strings.CutSuffix(l, ":")
		if l != name {
			continue
		}
		if aliased {
			wants, _ = hasValue(letter[0])
			return letter, wants, true
		}
		return name, wants, true
	}
	return "", false, false
}

// options is getopt for a command: a complaint is printed and ok is false.
func (c *call) options(usage, short string, long ...string) (opts []option, rest []string, ok bool) {
	opts, rest, err := getopt(c.args, short, append(long, "help")...)
	if err != nil {
		c.errorf("%s: %v", c.name, err)
		c.usage(usage)
		return nil, nil, false
	}
	for _, o := range opts {
		if o.name == "help" {
			c.errorf("%s (k8stutor's toolbox)", c.name)
			c.usage(usage)
			return nil, nil, false
		}
	}
	return opts, rest, true
}
