package tui

import (
	"embed"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/k8stutor/k8stutor/internal/messages"
	"github.com/k8stutor/k8stutor/lessons"
)

//go:embed locales/*.yaml
var locales embed.FS

// words says the screen's own words in one language.
type words struct{ messages *messages.Messages }

func newWords(lang string) (*words, error) {
	m, err := messages.Load(locales, lessons.Languages(), lang)
	if err != nil {
		return nil, err
	}
	return &words{m}, nil
}

// say is the message id with the values of key, value, key, value, …
func (w *words) say(id string, pairs ...any) string { return w.messages.Text(id, pairs...) }

// age is a short time such as 12s, 4m or 3h, the same in all languages, as
// kubectl writes it.
func age(d time.Duration) string { return duration.ShortHumanDuration(max(d, 0)) }
