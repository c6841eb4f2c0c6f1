package locale

import "testing"

func TestLocale(t *testing.T) {
	for _, tc := range []struct {
		env             map[string]string
		ctype, messages string
		utf8            bool
		language        string
	}{
		{map[string]string{}, "", "", false, ""},
		{map[string]string{"LANG": "en_US.UTF-8"}, "en_US.UTF-8", "en_US.UTF-8", true, "en_US"},
		{map[string]string{"LANG": "C.utf8"}, "C.utf8", "C.utf8", true, "C"},
		{map[string]string{"LANG": "C"}, "C", "C", false, "C"},
		{map[string]string{"LANG": "de_DE@euro"}, "de_DE@euro", "de_DE@euro", false, "de_DE"},
		{map[string]string{"LANG": "de_DE.UTF-8@euro"}, "de_DE.UTF-8@euro", "de_DE.UTF-8@euro", true, "de_DE"},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, "POSIX", "POSIX", false, "POSIX"},
		{map[string]string{"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, "en_US.UTF-8", "C", true, "C"},
		{map[string]string{"LANG": "zh_TW.UTF-8", "LC_CTYPE": "UTF-8"}, "UTF-8", "zh_TW.UTF-8", true, "zh_TW"},
		{map[string]string{"LC_CTYPE": "UTF-8"}, "UTF-8", "", true, ""},
		{map[string]string{"LANG": "UTF-8"}, "UTF-8", "UTF-8", true, ""},
		{map[string]string{"LANG": "zh_TW.Big5"}, "zh_TW.Big5", "zh_TW.Big5", false, "zh_TW"},
	} {
		getenv := func(name string) string { return tc.env[name] }
		ctype, messages := Of(CType, getenv), Of(Messages, getenv)
		if ctype != tc.ctype || messages != tc.messages {
			t.Errorf("%v: LC_CTYPE %q, LC_MESSAGES %q; want %q, %q", tc.env, ctype, messages, tc.ctype, tc.messages)
		}
		if got := UTF8(ctype); got != tc.utf8 {
			t.Errorf("%v: UTF-8 %v, want %v", tc.env, got, tc.utf8)
		}
		if got := Language(messages); got != tc.language {
			t.Errorf("%v: language %q, want %q", tc.env, got, tc.language)
		}
	}
}
