package cli

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/k8stutor/k8stutor/internal/cli/locale"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui"
)

// charset is what the learner's terminal can show, by the locale (POSIX: LC_ALL,
// else LC_CTYPE, else LANG) and K8STUTOR_ASCII. Somebody who has asked for
// Chinese has a terminal for it, whatever the locale says.
func charset(lang string, getenv func(string) string) tui.Charset {
	switch {
	case lang == "en" && !utf8Locale(getenv):
		return tui.CharsetASCII
	case getenv("K8STUTOR_ASCII") != "":
		return tui.CharsetASCIIBorders
	}
	return tui.CharsetUTF8
}

// utf8Locale reports whether the locale is one of UTF-8. Where none is set, as in
// many containers, the terminal is modern enough.
func utf8Locale(getenv func(string) string) bool {
	ctype := locale.Of(locale.CType, getenv)
	return ctype == "" || locale.UTF8(ctype)
}

// lessonLanguage is the language of the lessons: the one that was asked for,
// or the one of the environment, in the usual order of its variables.
func lessonLanguage(asked string, offered []string, getenv func(string) string) (string, error) {
	tags := make([]language.Tag, len(offered))
	for i, o := range offered {
		tags[i] = language.Make(o)
	}
	matcher := language.NewMatcher(tags)
	if asked != "" {
		tag, err := language.Parse(strings.ReplaceAll(asked, "_", "-"))
		if err != nil {
			return "", usagef("--lang %q is not a language; the lessons are in %s", asked, strings.Join(offered, ", "))
		}
		_, i, confidence := matcher.Match(tag)
		if confidence < language.High {
			return "", usagef("the lessons are not in %q; they are in %s", asked, strings.Join(offered, ", "))
		}
		return offered[i], nil
	}
	messages := locale.Of(locale.Messages, getenv)
	name := locale.Language(messages)
	if name == "" || strings.Contains(messages, ".") && !utf8Locale(getenv) {
		return offered[0], nil // of what we send, the terminal can show English only
	}
	// C and POSIX are no languages; what else is none is English as well.
	_, i, _ := matcher.Match(language.Make(strings.ReplaceAll(name, "_", "-")))
	return offered[i], nil
}

func (a *app) lang() (string, error) {
	asked := a.settings.lang
	if last := a.lastChoice().Lang; asked == "" && slices.Contains(lessons.Languages(), last) {
		asked = last
	}
	return lessonLanguage(asked, lessons.Languages(), os.Getenv)
}
