package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/k8stutor/k8stutor/cluster/provider"
	"github.com/k8stutor/k8stutor/internal/cli/locale"
)

func newDoctorCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine's prerequisites and suggest fixes",
		Long: `Checks the container engine, images, memory, disk, limits, ports, proxy, state
folder and terminal. Each line is ok, warn (it works, but not as well as it
could) or fail (it does not work), with a suggested fix. The exit code is 1 if
anything fails. Use --cluster kind or --cluster embedded to check for that
provider only.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDoctor(cmd.Context()) },
	}
	outputFlag(c)
	return c
}

func (a *app) runDoctor(ctx context.Context) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	o, err := a.clusterOptions()
	if err != nil {
		return err
	}
	found := provider.Diagnose(ctx, home, o)
	found = append(found, terminalFindings(a.lookAtTerminal())...)
	if a.settings.json {
		err = writeJSON(a.io.Out, found)
	} else {
		err = printFindings(a.io.Out, found)
	}
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Health == provider.HealthFail {
			return &exitError{exitFailed}
		}
	}
	return nil
}

func printFindings(w io.Writer, found []provider.Finding) error {
	marks := map[provider.Health]string{provider.HealthOK: "✓ ok  ", provider.HealthWarn: "! warn", provider.HealthFail: "✗ fail"}
	count := map[provider.Health]int{}
	for _, f := range found {
		count[f.Health]++
		fmt.Fprintf(w, "%s  %-14s %s\n", marks[f.Health], f.ID, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(w, "        %-14s → %s\n", "", f.Advice)
		}
	}
	_, err := fmt.Fprintf(w, "%d ok, %d warnings, %d failures\n", count[provider.HealthOK], count[provider.HealthWarn], count[provider.HealthFail])
	return err
}

// terminal is what the screen would run in.
type terminal struct {
	is            bool // stdin and stdout are a terminal
	width, height int
	name          string // $TERM
	colours       colorprofile.Profile
	locale        string // what decides on the character set
}

func (a *app) lookAtTerminal() terminal {
	t := terminal{
		is: a.onTerminal(), name: os.Getenv("TERM"), colours: colorprofile.Env(os.Environ()),
		locale: locale.Of(locale.CType, os.Getenv),
	}
	if out, ok := a.io.Out.(*os.File); ok {
		t.width, t.height, _ = term.GetSize(int(out.Fd())) // zero when it is none
	}
	return t
}

func terminalFindings(t terminal) []provider.Finding {
	if !t.is {
		return []provider.Finding{{
			ID: "terminal", Health: provider.HealthOK, Found: "not a terminal: start prints plain text",
			Advice: "run doctor in the terminal that you will learn in, to check that one",
		}}
	}
	size := provider.Finding{ID: "terminal", Health: provider.HealthOK, Found: fmt.Sprintf("%d×%d, TERM=%s", t.width, t.height, t.name)}
	switch {
	case t.name == "" || t.name == "dumb":
		size.Health, size.Advice = provider.HealthWarn, "the screen needs a terminal that can move its cursor: set TERM (for example to xterm-256color), or use `k8stutor start --plain`"
	case t.width < 40 || t.height < 12:
		size.Health, size.Advice = provider.HealthWarn, "the screen needs at least 40×12 and works well from 80×24: enlarge the window"
	case t.width < 80 || t.height < 24:
		size.Health, size.Advice = provider.HealthWarn, "the screen works well from 80×24: enlarge the window or use a smaller font"
	}
	colours := provider.Finding{ID: "colours", Health: provider.HealthOK, Found: t.colours.String()}
	if t.colours < colorprofile.ANSI {
		colours.Health, colours.Advice = provider.HealthWarn, "no colours: unset NO_COLOR, or set TERM to match your terminal, for example xterm-256color"
	}
	charset := provider.Finding{ID: "locale", Health: provider.HealthOK, Found: t.locale}
	if !locale.UTF8(t.locale) {
		charset.Health, charset.Found = provider.HealthWarn, fmt.Sprintf("%q is not a UTF-8 locale", t.locale)
		charset.Advice = "programs in the shell may not display ✓ or Chinese: export LC_ALL=C.UTF-8"
	}
	return []provider.Finding{size, colours, charset}
}
