package lessons

import (
	"embed"
	"fmt"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

//go:embed locales/*.yaml
var locales embed.FS

// speaker says the engine's own sentences in one language.
type speaker struct {
	lang      string
	localizer *i18n.Localizer
}

func newSpeaker(lang string) (*speaker, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	for _, l := range Languages() {
		if _, err := bundle.LoadMessageFileFS(locales, "locales/active."+l+".yaml"); err != nil {
			return nil, fmt.Errorf("load the messages of %s: %w", l, err)
		}
	}
	if lang == "" {
		lang = english
	}
	return &speaker{lang: lang, localizer: i18n.NewLocalizer(bundle, lang, english)}, nil
}

// text is the message id with the values of key, value, key, value, …
func (s *speaker) text(id string, pairs ...any) string {
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	out, err := s.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	if err != nil && out == "" {
		return id // a test sees to it that every message is there
	}
	return out
}

func (s *speaker) duration(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
