package lessons

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// answerType says what a question asks for, and with that which spellings mean
// the same.
type answerType string

// The types of answers. A choice is a question with options.
const (
	answerName     answerType = "name"
	answerImage    answerType = "image"
	answerQuantity answerType = "quantity"
	answerDuration answerType = "duration"
	answerNumber   answerType = "number"
	answerPort     answerType = "port"
	answerAddress  answerType = "address"
	answerPair     answerType = "pair"
	answerChoice   answerType = "choice"
	answerText     answerType = "text"
)

// answerTypes lists the types with what each takes for the same, for the
// reference.
func answerTypes() []fieldDoc {
	return []fieldDoc{
		{string(answerName), "the name of an object, variable, argument or path, also as `pod/x`, `Secret \"x\"`, `secretName: x`, a URL of that host or its row of `kubectl get`"},
		{string(answerImage), "an image, also with `docker.io/library/`, or its tag alone"},
		{string(answerQuantity), "a quantity, also as `0.25Gi`, `256 MiB`, `memory: 256Mi`"},
		{string(answerDuration), "a duration, also as `40 sec`, `5m0s`, `5 分鐘`, or as seconds without a unit"},
		{string(answerNumber), "a number, also as `Exit Code: 1`, `404 Not Found`"},
		{string(answerPort), "a port, also as `8080/TCP`, `:8080`, `10.1.2.3:8080`, or its name"},
		{string(answerAddress), "an IP address, also with a port, or in a URL"},
		{string(answerPair), "`key=value`, also as `key: value`; where `expect` has no `=`, that text alone"},
		{string(answerChoice), "one of `options`; the type of every question that has them"},
		{string(answerText), "nothing but the text itself"},
	}
}

func parseAnswerType(s string) (answerType, error) {
	var names []string
	for _, d := range answerTypes() {
		if d.name == s {
			return answerType(s), nil
		}
		names = append(names, d.name)
	}
	return "", fmt.Errorf("unknown type of answer %q: wanted %s", s, strings.Join(names, ", "))
}

// maxAnswer is how many bytes of an answer are looked at: the longest line
// that kubectl prints is shorter.
const maxAnswer = 2048

// accepts reports whether an answer means one of the wanted values. Besides
// the value itself it takes any text that holds values of that type, if all of
// them are wanted: a line of kubectl's, but no list of guesses.
func (t answerType) accepts(given string, wanted []string) bool {
	given = normalAnswer(given)
	if given == "" {
		return false
	}
	whole := bare(given)
	for _, w := range wanted {
		if w = bare(normalAnswer(w)); w != "" && strings.EqualFold(whole, w) {
			return true
		}
	}
	if t == answerChoice || t == answerText {
		return false
	}
	for _, w := range wanted {
		read := t.reader(bare(normalAnswer(w)))
		if found := read(given); len(found) > 0 && allMean(found, wanted, read) {
			return true
		}
	}
	return false
}

// allMean reports whether every value that was read is a wanted one.
func allMean(found, wanted []string, read func(string) []string) bool {
	want := map[string]bool{}
	for _, w := range wanted {
		w = normalAnswer(w)
		want[strings.ToLower(bare(w))] = true
		if values := read(w); len(values) == 1 {
			want[values[0]] = true
		}
	}
	return !slices.ContainsFunc(found, func(f string) bool { return !want[f] })
}

// reader returns what reads the values out of a text, in one spelling for all
// that mean the same, for the type and for the form of a wanted value.
func (t answerType) reader(want string) func(string) []string {
	switch t {
	case answerImage:
		return imagesIn
	case answerQuantity:
		return quantitiesIn
	case answerDuration:
		return durationsIn
	case answerNumber:
		return numbersIn
	case answerPort:
		if _, err := strconv.ParseUint(want, 10, 16); err == nil {
			return portsIn
		}
		return func(s string) []string { return namesIn(portProtocol.ReplaceAllString(s, "$1"), want) }
	case answerAddress:
		return addressesIn
	case answerPair:
		if key, _, ok := strings.Cut(want, "="); ok {
			return func(s string) []string { return pairsIn(s, key) }
		}
		return func(string) []string { return nil } // the value alone, or nothing
	}
	return func(s string) []string { return namesIn(s, want) }
}

// escapes is an escape sequence of a terminal.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\a\x1b]*(?:\a|\x1b\\\\)|[@-Z\\\\^_])")

// normalAnswer makes letters and digits half-width, drops what can't be seen
// and makes every gap one blank. Of an answer that is too long nothing is left.
func normalAnswer(s string) string {
	if len(s) > maxAnswer || !utf8.ValidString(s) {
		return ""
	}
	s = width.Fold.String(escapes.ReplaceAllString(s, ""))
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r) && r < 0x20:
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		case strings.ContainsRune("‘’‚′", r):
			return '\''
		case strings.ContainsRune("“”„″「」『』", r):
			return '"'
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// bare takes off the quotes, brackets and full stops around a value.
func bare(s string) string {
	for {
		t := strings.TrimRight(strings.TrimSpace(s), ",;。")
		if n := len(t); n > 1 && t[n-1] == '.' && t[n-2] != '.' && !strings.Contains(t, ".svc.") {
			t = t[:n-1]
		}
		if n := len(t); n > 1 {
			switch t[:1] + t[n-1:] {
			case `""`, "''", "``", "[]", "()", "{}", "<>":
				t = t[1 : n-1]
			}
		}
		if t == s {
			return s
		}
		s = t
	}
}

// distinct are the values without repetition.
func distinct(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

var (
	portProtocol = regexp.MustCompile(`(?i)(\S)/(?:tcp|udp|sctp)\b`)
	quoted       = regexp.MustCompile(`"([^"]+)"|'([^']+)'|` + "`([^`]+)`")
	timestamps   = regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ][\d:.]+(?:Z|[+-]\d{2}:?\d{2})?|\b\d{2}:\d{2}:\d{2}\b`)
	addresses    = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
)
