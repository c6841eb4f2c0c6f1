// Package locale reads the environment's locale as POSIX says: LC_ALL, else the
// variable of the category, else LANG.
package locale

import "strings"

// Categories of a locale.
const (
	CType    = "LC_CTYPE"    // which characters there are
	Messages = "LC_MESSAGES" // the language of messages
)

// Of is the locale of a category, such as "zh_TW.UTF-8"; "" when none is set.
func Of(category string, getenv func(string) string) string {
	for _, name := range []string{"LC_ALL", category, "LANG"} {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// Language is the language of a locale, such as "zh_TW"; "" for none, which is
// what a bare character set has.
func Language(locale string) string {
	language, _, _ := strings.Cut(locale, ".")
	language, _, _ = strings.Cut(language, "@")
	if isUTF8(language) {
		return ""
	}
	return language
}

// UTF8 reports whether a locale's characters are those of UTF-8. A bare "UTF-8"
// is one: macOS sets LC_CTYPE to it, and its ssh sends it along.
func UTF8(locale string) bool {
	_, codeset, found := strings.Cut(locale, ".")
	if !found {
		codeset = locale
	}
	codeset, _, _ = strings.Cut(codeset, "@")
	return isUTF8(codeset)
}

func isUTF8(codeset string) bool {
	return strings.EqualFold(strings.ReplaceAll(codeset, "-", ""), "utf8")
}
