package messages

import (
	"testing"
	"testing/fstest"
)

func TestText(t *testing.T) {
	files := fstest.MapFS{
		"locales/active.en.yaml":    {Data: []byte("hello: Hello\ncount: \"{{.N}} of {{.Of}}\"\n")},
		"locales/active.zh-TW.yaml": {Data: []byte("hello: 你好\n")},
	}
	languages := []string{"en", "zh-TW"}
	for lang, want := range map[string][3]string{
		"":      {"Hello", "1 of 2", "nothing"},
		"en":    {"Hello", "1 of 2", "nothing"},
		"zh-TW": {"你好", "1 of 2", "nothing"},
		"fr":    {"Hello", "1 of 2", "nothing"},
	} {
		m, err := Load(files, languages, lang)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time from the cache
			if got := [3]string{m.Text("hello"), m.Text("count", "N", 1, "Of", 2), m.Text("nothing")}; got != want {
				t.Errorf("%q says %q, want %q", lang, got, want)
			}
		}
	}
	if _, err := Load(files, append(languages, "zh-CN"), "zh-CN"); err == nil {
		t.Error("a missing language loads")
	}
}
