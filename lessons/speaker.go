package lessons

import (
	"cmp"
	"embed"
	"fmt"
	"time"

	"github.com/k8stutor/k8stutor/internal/messages"
)

//go:embed locales/*.yaml
var locales embed.FS

// speaker says the engine's own sentences in one language.
type speaker struct {
	lang     string
	messages *messages.Messages
}

func newSpeaker(lang string) (*speaker, error) {
	m, err := messages.Load(locales, Languages(), lang)
	if err != nil {
		return nil, err
	}
	return &speaker{lang: cmp.Or(lang, english), messages: m}, nil
}

// text is the message id with the values of key, value, key, value, …
func (s *speaker) text(id string, pairs ...any) string { return s.messages.Text(id, pairs...) }

func (s *speaker) duration(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
