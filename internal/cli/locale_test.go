package cli

import (
	"testing"

	"github.com/k8stutor/k8stutor/tui"
)

func TestCharset(t *testing.T) {
	tests := []struct {
		lang string
		env  map[string]string
		want tui.Charset
	}{
		{"en", map[string]string{}, tui.CharsetUTF8},
		{"en", map[string]string{"LANG": "en_US.UTF-8"}, tui.CharsetUTF8},
		{"en", map[string]string{"LANG": "C.utf8"}, tui.CharsetUTF8},
		{"en", map[string]string{"LANG": "C"}, tui.CharsetASCII},
		{"en", map[string]string{"LANG": "de_DE@euro"}, tui.CharsetASCII},
		{"en", map[string]string{"LANG": "de_DE.UTF-8@euro"}, tui.CharsetUTF8},
		{"en", map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, tui.CharsetASCII},
		{"en", map[string]string{"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, tui.CharsetUTF8},
		{"en", map[string]string{"LANG": "en_US.UTF-8", "K8STUTOR_ASCII": "1"}, tui.CharsetASCIIBorders},
		{"en", map[string]string{"LC_CTYPE": "UTF-8"}, tui.CharsetUTF8},
		{"zh-TW", map[string]string{"LANG": "zh_TW.UTF-8", "LC_CTYPE": "UTF-8"}, tui.CharsetUTF8},
		{"zh-TW", map[string]string{"LANG": "C"}, tui.CharsetUTF8},
		{"zh-TW", map[string]string{"LANG": "C", "K8STUTOR_ASCII": "1"}, tui.CharsetASCIIBorders},
	}
	for _, tt := range tests {
		if got := charset(tt.lang, func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%s %v: %d, want %d", tt.lang, tt.env, got, tt.want)
		}
	}
}

func TestLessonLanguage(t *testing.T) {
	offered := []string{"en", "zh-TW", "zh-CN"}
	for _, tc := range []struct {
		asked string
		env   map[string]string
		want  string // "" is an error
	}{
		{"", nil, "en"},
		{"", map[string]string{"LANG": "C.UTF-8"}, "en"},
		{"", map[string]string{"LANG": "de_CH.UTF-8"}, "en"},
		{"", map[string]string{"LANG": "zh_TW.UTF-8"}, "zh-TW"},
		{"", map[string]string{"LANG": "zh_HK.UTF-8"}, "zh-TW"},
		{"", map[string]string{"LANG": "zh_SG.UTF-8"}, "zh-CN"},
		{"", map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh-CN"},
		{"", map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"},
		{"", map[string]string{"LANG": "zh_TW.UTF-8", "LC_CTYPE": "UTF-8"}, "zh-TW"},
		{"", map[string]string{"LC_CTYPE": "UTF-8"}, "en"},
		{"zh-tw", map[string]string{"LANG": "en_US.UTF-8"}, "zh-TW"},
		{"zh_CN", nil, "zh-CN"},
		{"fr", nil, ""},
		{"??", nil, ""},
	} {
		got, err := lessonLanguage(tc.asked, offered, func(k string) string { return tc.env[k] })
		if got != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("lessonLanguage(%q, %v) = %q, %v; want %q", tc.asked, tc.env, got, err, tc.want)
		}
	}
}
