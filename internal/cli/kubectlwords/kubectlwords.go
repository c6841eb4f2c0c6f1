// Package kubectlwords keeps kubectl from reading its translations where they
// would change nothing.
//
// At every start kubectl packs the file of its language with zip, unpacks and
// parses it, a fifth of what `kubectl get pods` costs, and for English the file
// says for each sentence what the program says anyway. Importing this package
// is enough.
package kubectlwords

import (
	"os"
	"strings"

	"k8s.io/kubectl/pkg/util/i18n"
)

// kubectl asks for its words while its packages are initialised, so this has to
// be set before, and its documentation says to do so while a package of its own
// is. Go initialises packages in the order of their paths where dependencies
// leave a choice, and this one needs nothing of kubectl but i18n. The error says
// that the words have been read already; then they are there.
var _ = i18n.SetLoadTranslationsFunc(func() error {
	if english(os.Getenv) {
		return nil
	}
	return i18n.LoadTranslations("kubectl", nil)
})

// english tells whether kubectl, which looks at these variables in this order
// and takes the first that is set, would speak English.
func english(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if lang := getenv(name); lang != "" {
			lang, _, _ = strings.Cut(lang, ".")
			return lang == "C" || lang == "POSIX" || lang == "en" || strings.HasPrefix(lang, "en_")
		}
	}
	return true
}
