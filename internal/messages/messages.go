// Package messages says a package's sentences in the learner's language.
package messages

import (
	"fmt"
	"io/fs"
	"sync"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// Messages are the messages of one package in one language. They are safe for
// concurrent use.
type Messages struct {
	localizer *i18n.Localizer
	constant  sync.Map // id → text, of messages without values
}

// Load reads locales/active.LANGUAGE.yaml of lang and of the first of languages,
// which stands in for what the others lack. lang is one of languages; "" is the
// first.
func Load(files fs.FS, languages []string, lang string) (*Messages, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	for _, l := range languages {
		if l != lang && l != languages[0] {
			continue // each takes some milliseconds
		}
		if _, err := bundle.LoadMessageFileFS(files, "locales/active."+l+".yaml"); err != nil {
			return nil, fmt.Errorf("load the messages of %s: %w", l, err)
		}
	}
	if lang == "" {
		lang = languages[0]
	}
	return &Messages{localizer: i18n.NewLocalizer(bundle, lang, languages[0])}, nil
}

// Text is the message id with the values of key, value, key, value, … It is id
// itself when there is no such message.
func (m *Messages) Text(id string, pairs ...any) string {
	if len(pairs) == 0 {
		if text, ok := m.constant.Load(id); ok {
			return text.(string)
		}
	}
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	text, err := m.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	if err != nil && text == "" {
		return id
	}
	if len(pairs) == 0 {
		m.constant.Store(id, text)
	}
	return text
}
