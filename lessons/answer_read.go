package lessons

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// What follows reads the values of one type out of a text. Each returns them
// in one spelling for all that mean the same, without repetition.

var imageForm = regexp.MustCompile(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*(?::\d+)?/)*[a-z0-9]+(?:[._-]+[a-z0-9]+)*:(v?\d[\w.-]*|latest)$|^v?\d+(?:\.\d+)+$`)

// imagesIn reads images and tags; an image is read as its tag too when the tag
// stands alone.
func imagesIn(s string) []string {
	var out []string
	for _, w := range words(s) {
		w = strings.ToLower(w)
		for _, registry := range []string{"index.docker.io/", "docker.io/", "library/"} {
			w = strings.TrimPrefix(w, registry)
		}
		if imageForm.MatchString(w) {
			out = append(out, w)
		}
	}
	return distinct(out)
}

var (
	quantityGap  = regexp.MustCompile(`(\d) ((?:[KMGTPE]i?B?|[kmgtpe]ib?|[mkun])(?:$|[^\w]))`)
	quantityForm = regexp.MustCompile(`(?:^|[\s=:("',])([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i?B?|[kmgtpe]ib?|[mkun]|)(?:$|[\s)"',;/.])`)
)

// quantitiesIn reads quantities: a number, with a unit or without.
func quantitiesIn(s string) []string {
	var out []string
	s = quantityGap.ReplaceAllString(timestamps.ReplaceAllString(s, " "), "$1$2")
	s = strings.ReplaceAll(s, " ", "  ") // a blank for each neighbour
	for _, m := range quantityForm.FindAllStringSubmatch(strings.ReplaceAll(" "+s+" ", ",", ", "), -1) {
		unit := strings.TrimSuffix(strings.TrimSuffix(m[2], "B"), "b")
		if len(unit) == 2 {
			unit = strings.ToUpper(unit[:1]) + "i"
		} else if unit == "K" {
			unit = "k"
		}
		if q, err := resource.ParseQuantity(m[1] + unit); err == nil {
			out = append(out, strconv.FormatFloat(q.AsApproximateFloat64(), 'g', -1, 64))
		}
	}
	return distinct(out)
}

const durationUnit = `milliseconds?|millis|msecs?|ms|毫秒|seconds?|secs?|s|秒鐘|秒钟|秒|minutes?|mins?|m|分鐘|分钟|分|hours?|hrs?|h|小時|小时`

var (
	durationTerm  = regexp.MustCompile(`(?i)^(\d+(?:\.\d+)?|\.\d+) ?(` + durationUnit + `)`)
	durationForm  = regexp.MustCompile(`(?i)(?:^|[^\w.])((?:(?:\d+(?:\.\d+)?|\.\d+) ?(?:` + durationUnit + `) ?)+)(?:$|[^\w])`)
	durationAlone = regexp.MustCompile(`(?i)^(?:~|≈|=|about|around|approx\.?|ca\.?|roughly|大約|大约|約|约| )*(\d+(?:\.\d+)?)$`)
)

// durationsIn reads durations; a number alone is seconds.
func durationsIn(s string) []string {
	if m := durationAlone.FindStringSubmatch(bare(s)); m != nil {
		s = m[1] + "s"
	}
	var out []string
	for _, m := range durationForm.FindAllStringSubmatch(timestamps.ReplaceAllString(s, " "), -1) {
		total := time.Duration(0)
		for rest := m[1]; strings.TrimSpace(rest) != ""; {
			term := durationTerm.FindStringSubmatch(strings.TrimSpace(rest))
			if term == nil {
				break
			}
			rest = strings.TrimSpace(rest)[len(term[0]):]
			n, _ := strconv.ParseFloat(term[1], 64)
			total += time.Duration(n * float64(unitOf(term[2])))
		}
		out = append(out, total.String())
	}
	return distinct(out)
}

func unitOf(name string) time.Duration {
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, "ms"), strings.HasPrefix(name, "mil"), name == "毫秒":
		return time.Millisecond
	case strings.HasPrefix(name, "m"), strings.HasPrefix(name, "分"):
		return time.Minute
	case strings.HasPrefix(name, "h"), strings.HasPrefix(name, "小"):
		return time.Hour
	}
	return time.Second
}

var numberForm = regexp.MustCompile(`(?:^|[\s=:(#"',~])(-?\d+(?:\.\d+)?)(?:$|[\s)"',;.])`)

// numbersIn reads numbers that stand alone, as a code in a message does.
func numbersIn(s string) []string {
	var out []string
	s = strings.ReplaceAll(timestamps.ReplaceAllString(s, " "), " ", "  ")
	for _, m := range numberForm.FindAllStringSubmatch(s, -1) {
		if n, err := strconv.ParseFloat(m[1], 64); err == nil {
			out = append(out, strconv.FormatFloat(n, 'f', -1, 64))
		}
	}
	return distinct(out)
}

var portForm = regexp.MustCompile(`(?:^|[^\w.-])(\d{1,5})(?:$|[^\w.%-])`)

// portsIn reads numbers of ports.
func portsIn(s string) []string {
	var out []string
	s = addresses.ReplaceAllString(timestamps.ReplaceAllString(s, " "), " ")
	s = portProtocol.ReplaceAllString(s, "$1 ")
	s = strings.NewReplacer(" ", "  ", ":", " : ", ",", " , ").Replace(s)
	for _, m := range portForm.FindAllStringSubmatch(s, -1) {
		if n, err := strconv.ParseUint(m[1], 10, 16); err == nil && n > 0 {
			out = append(out, strconv.FormatUint(n, 10))
		}
	}
	return distinct(out)
}

// addressesIn reads IP addresses.
func addressesIn(s string) []string {
	var out []string
	for _, w := range words(strings.NewReplacer("http://", " ", "https://", " ", "/", " ", "=", " ").Replace(s)) {
		if host, _, err := net.SplitHostPort(w); err == nil {
			w = host
		}
		if ip, err := netip.ParseAddr(w); err == nil {
			out = append(out, ip.String())
		}
	}
	return distinct(out)
}

// pairsIn reads `key=value`, also as `key: value`.
func pairsIn(s, key string) []string {
	form := regexp.MustCompile(`(?i)(?:^|[^\w./-])"?` + regexp.QuoteMeta(key) + `"? ?[:=] ?["']?([^\s,"'&;}\])]+)`)
	var out []string
	for _, m := range form.FindAllStringSubmatch(s, -1) {
		out = append(out, strings.ToLower(key+"="+bare(m[1])))
	}
	return distinct(out)
}

var (
	variableForm = regexp.MustCompile(`^\$?\{?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)\}?$`)
	labelForm    = regexp.MustCompile(`^[a-z]([-a-z0-9.]*[a-z0-9])?$`)
	hostForm     = regexp.MustCompile(`^(?:[a-z]+://)([^/:]+)(?::\d+)?(?:/.*)?$`)
)

// namesIn reads names of the same form as the wanted one: of a variable in
// capitals, a path, an argument, or of an object. If one alone stands in
// quotes, it is meant.
func namesIn(s, want string) []string {
	if !variableForm.MatchString(want) {
		if q := quotedIn(s); len(q) == 1 {
			return q
		}
	}
	var out []string
	if variableForm.MatchString(want) {
		s = strings.ReplaceAll(s, ":", " ")
	}
	for _, w := range words(s) {
		switch {
		case variableForm.MatchString(want):
			name, _, _ := strings.Cut(w, "=")
			if m := variableForm.FindStringSubmatch(name); m != nil && (strings.Contains(m[1], "_") || !strings.Contains(want, "_")) {
				out = append(out, strings.ToLower(m[1]))
			}
		case strings.HasPrefix(want, "/"), strings.HasPrefix(want, "-"):
			if strings.HasPrefix(w, want[:1]) {
				out = append(out, strings.ToLower(w))
			}
		default:
			out = append(out, objectsIn(w)...)
		}
	}
	return distinct(out)
}

// quotedIn reads what stands in quotes; if several do, only what stands behind
// a kind, such as secret "x".
func quotedIn(s string) []string {
	matches := quoted.FindAllStringSubmatchIndex(s, -1)
	var out []string
	for _, m := range matches {
		before := words(s[:m[0]])
		if len(matches) > 1 && (len(before) == 0 || !vocabulary()[strings.ToLower(before[len(before)-1])]) {
			continue
		}
		out = append(out, strings.ToLower(bare(s[m[0]:m[1]])))
	}
	return distinct(out)
}

// objectsIn reads the name of an object out of a word: `pod/x`, a URL, a
// `field=x`; nothing when the word is one of Kubernetes' own.
func objectsIn(word string) []string {
	if field, value, ok := strings.Cut(word, "="); ok && !strings.Contains(field, "/") {
		word = value
	}
	if m := hostForm.FindStringSubmatch(word); m != nil {
		word = m[1]
	}
	if kind, name, ok := strings.Cut(word, "/"); ok && labelForm.MatchString(kind) {
		word = name
	}
	if host, port, ok := strings.Cut(word, ":"); ok {
		if _, err := strconv.ParseUint(port, 10, 16); err == nil {
			word = host
		}
	}
	if host, _, ok := strings.Cut(word, ".svc"); ok {
		word, _, _ = strings.Cut(host, ".")
	}
	if !labelForm.MatchString(word) || vocabulary()[word] {
		return nil
	}
	return []string{word}
}

// vocabulary holds the words that kubectl puts beside a name.
var vocabulary = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for plural := range wellKnown() {
		out[plural], out[strings.TrimSuffix(plural, "s")] = true, true
	}
	for _, w := range strings.Fields("po svc deploy rs cm ns sts ds hpa ep sa no none name names key the a an ago of in it is to at by image port container") {
		out[w] = true
	}
	return out
})

// words are the parts of a text between blanks, without the punctuation around
// them. A word with a colon behind it is the title of what follows.
func words(s string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \"'`,;()[]{}<>", r) }) {
		if w = strings.TrimRight(w, "."); w != "" && !strings.HasSuffix(w, ":") {
			out = append(out, w)
		}
	}
	return slices.Clip(out)
}
