package cli

import (
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"

	"github.com/k8stutor/k8stutor/cluster/provider"
)

func TestTerminalFindings(t *testing.T) {
	good := terminal{is: true, width: 120, height: 40, name: "xterm-256color", colours: colorprofile.ANSI256, locale: "zh_TW.UTF-8"}
	for _, tc := range []struct {
		name   string
		change func(*terminal)
		want   string // ID of what is not ok
		advice string
	}{
		{"good", func(*terminal) {}, "", ""},
		{"none", func(x *terminal) { x.is = false; x.width, x.height = 0, 0 }, "", ""},
		{"dumb", func(x *terminal) { x.name = "dumb" }, "terminal", "--plain"},
		{"small", func(x *terminal) { x.width = 70 }, "terminal", "80×24"},
		{"tiny", func(x *terminal) { x.height = 11 }, "terminal", "40×12"},
		{"no colours", func(x *terminal) { x.colours = colorprofile.ASCII }, "colours", "NO_COLOR"},
		{"macOS over ssh", func(x *terminal) { x.locale = "UTF-8" }, "", ""},
		{"no UTF-8", func(x *terminal) { x.locale = "C" }, "locale", "C.UTF-8"},
		{"no locale", func(x *terminal) { x.locale = "" }, "locale", "C.UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := good
			tc.change(&x)
			var ids, advice string
			for _, f := range terminalFindings(x) {
				if f.Health != provider.HealthOK {
					ids += f.ID
					advice += f.Advice
				}
			}
			if ids != tc.want || !strings.Contains(advice, tc.advice) {
				t.Errorf("not ok: %q, %q; want %q, …%s…", ids, advice, tc.want, tc.advice)
			}
		})
	}
}
