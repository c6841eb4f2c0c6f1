package tui

import (
	"embed"
	"fmt"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/k8stutor/k8stutor/lessons"
)

//go:embed locales/*.yaml
var locales embed.FS

// words says the screen's own words in one language.
type words struct {
	localizer *i18n.Localizer
	plain     map[string]string // messages said without values, once looked up
}

func newWords(lang string) (*words, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	for _, l := range lessons.Languages() {
		if l != lang && l != "en" {
			continue // each takes some milliseconds
		}
		if _, err := bundle.LoadMessageFileFS(locales, "locales/active."+l+".yaml"); err != nil {
			return nil, fmt.Errorf("load the messages of %s: %w", l, err)
		}
	}
	return &words{localizer: i18n.NewLocalizer(bundle, lang, "en"), plain: map[string]string{}}, nil
}

// say is the message id with the values of key, value, key, value, … It is
// called from Update and View only, so the map needs no lock.
func (w *words) say(id string, pairs ...any) string {
	if len(pairs) == 0 {
		if s, ok := w.plain[id]; ok {
			return s
		}
	}
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	out, err := w.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	if err != nil && out == "" {
		return id // a test sees to it that every message is there
	}
	if len(pairs) == 0 {
		w.plain[id] = out
	}
	return out
}

// age is a short time such as 12s, 4m or 3h, the same in all languages, as
// kubectl writes it.
func age(d time.Duration) string { return duration.ShortHumanDuration(max(d, 0)) }
