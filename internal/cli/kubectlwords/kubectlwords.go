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

	"github.com/k8stutor/k8stutor/internal/cli/locale"
)

// kubectl asks for its words while its packages are initialised, so this has to
// be set before, and its documentation says to do so while a package of its own
// is. Go initialises packages in the order of their paths where dependencies
// leave a choice, and this one needs nothing of kubectl but i18n.
func init() { //nolint:gochecknoinits // nothing but an init comes before kubectl's own
	// The error says that the words have been read already; then they are there.
	_ = i18n.SetLoadTranslationsFunc(func() error {
		if english(os.Getenv) {
			return nil
		}
		return i18n.LoadTranslations("kubectl", nil)
	})
}

// english reports whether kubectl would speak English, which looks at the locale
// of messages as everybody does.
func english(getenv func(string) string) bool {
	messages := locale.Of(locale.Messages, getenv)
	language, _, _ := strings.Cut(messages, ".")
	return messages == "" || language == "C" || language == "POSIX" || language == "en" || strings.HasPrefix(language, "en_")
}
