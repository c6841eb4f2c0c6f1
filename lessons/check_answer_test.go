package lessons

import "testing"

func TestSameAnswer(t *testing.T) {
	tests := []struct {
		given, want string
		same        bool
	}{
		{" Go-API ", "go-api", true},
		{"3.0", "3", true},
		{"go-api", "go", false},
		{"", "0", false},
		// As an input method types them.
		{"３", "3", true},
		{"１０．２４４．０．５", "10.244.0.5", true},
		{"ｇｏ－ＡＰＩ", "go-api", true},
		{"　３　", "3", true},
		{"４", "3", false},
		{"映像檔", "映像檔", true},
	}
	for _, tt := range tests {
		if got := sameAnswer(tt.given, tt.want); got != tt.same {
			t.Errorf("%q for %q: %v", tt.given, tt.want, got)
		}
	}
}
