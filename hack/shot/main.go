// Command shot takes a picture of a terminal program: it runs the program on a
// pty, plays a script of keys and waits, and writes the last screen as SVG, and
// as PNG when rsvg-convert is there. The README's pictures are made with it.
//
//	go run ./hack/shot -size 120x40 -o assets/screen.svg -script script.txt -- k8stutor start service
//
// A script has one command on each line; text is a Go string literal:
//
//	wait "text"    until the text is on the screen
//	gone "text"    until it is not
//	type "text"    type it; \r is Enter
//	key ctrl+g     press a key: a letter, enter, esc, tab, up, pgdown, ctrl+x, …
//	settle 300ms   until nothing has changed for so long
//	size 80x24     resize the terminal
//	shot file.svg  write a picture now
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"time"

	uv "github.com/charmbracelet/ultraviolet"

	"github.com/k8stutor/k8stutor/tui/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "shot:", err)
		os.Exit(1)
	}
}

type player struct {
	term    *term.Term
	timeout time.Duration
	title   string
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("shot", flag.ContinueOnError)
	size := flags.String("size", "120x40", "columns x rows")
	script := flags.String("script", "", "file with the script; - is standard input")
	out := flags.String("o", "", "write the last screen to this SVG file")
	timeout := flags.Duration("timeout", 2*time.Minute, "the longest that one line of the script may take")
	title := flags.String("title", "", "text of the window's title bar")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("give the command to run after --")
	}
	w, h, err := parseSize(*size)
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	t, err := term.Start(term.Spec{Argv: flags.Args(), Env: os.Environ(), Dir: dir, Width: w, Height: h})
	if err != nil {
		return err
	}
	defer t.Close()
	p := &player{term: t, timeout: *timeout, title: *title}
	if *script != "" {
		if err := p.playFile(ctx, *script); err != nil {
			return err
		}
	} else {
		<-t.Done()
	}
	if *out == "" {
		return nil
	}
	return p.shoot(ctx, *out)
}

func parseSize(s string) (w, h int, err error) {
	if _, err := fmt.Sscanf(s, "%dx%d", &w, &h); err != nil || w < 1 || h < 1 {
		return 0, 0, fmt.Errorf("size %q: want columns x rows, such as 120x40", s)
	}
	return w, h, nil
}

func (p *player) playFile(ctx context.Context, name string) error {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return err
		}
		defer f.Close()
	}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		step, cancel := context.WithTimeout(ctx, p.timeout)
		err := p.play(step, line)
		cancel()
		if err != nil {
			return fmt.Errorf("%s:%d: %s: %w\nthe screen:\n%s", name, n, line, err, strings.Join(p.term.Text(), "\n"))
		}
	}
	return lines.Err()
}

func (p *player) play(ctx context.Context, line string) error {
	command, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch command {
	case "wait", "gone", "type":
		text, err := strconv.Unquote(rest)
		if err != nil {
			return fmt.Errorf("want a quoted text: %w", err)
		}
		if command == "type" {
			return p.term.Type(text)
		}
		return p.until(ctx, func() bool {
			return strings.Contains(strings.Join(p.term.Text(), "\n"), text) == (command == "wait")
		})
	case "key":
		k, err := parseKey(rest)
		if err != nil {
			return err
		}
		return p.term.Key(k)
	case "settle":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		return p.settle(ctx, d)
	case "size":
		w, h, err := parseSize(rest)
		if err != nil {
			return err
		}
		return p.term.Resize(w, h)
	case "shot":
		return p.shoot(ctx, rest)
	}
	return fmt.Errorf("unknown command %q", command)
}

// until waits until ok, looking again whenever the screen has changed.
func (p *player) until(ctx context.Context, ok func() bool) error {
	for !ok() {
		select {
		case <-p.term.Dirty():
		case <-p.term.Done():
			if ok() {
				return nil
			}
			return errors.New("the program has ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p *player) settle(ctx context.Context, quiet time.Duration) error {
	for {
		timer := time.NewTimer(quiet)
		select {
		case <-p.term.Dirty():
			timer.Stop()
		case <-timer.C:
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// parseKey reads the name of a key.
func parseKey(name string) (term.Key, error) {
	var k term.Key
	for {
		mod, rest, ok := strings.Cut(name, "+")
		if !ok || rest == "" {
			break
		}
		switch mod {
		case "ctrl":
			k.Mod |= uv.ModCtrl
		case "alt":
			k.Mod |= uv.ModAlt
		case "shift":
			k.Mod |= uv.ModShift
		default:
			return k, fmt.Errorf("unknown modifier %q", mod)
		}
		name = rest
	}
	special := map[string]rune{
		"enter": uv.KeyEnter, "esc": uv.KeyEscape, "tab": uv.KeyTab, "space": uv.KeySpace, "backspace": uv.KeyBackspace,
		"up": uv.KeyUp, "down": uv.KeyDown, "left": uv.KeyLeft, "right": uv.KeyRight, "home": uv.KeyHome, "end": uv.KeyEnd,
		"pgup": uv.KeyPgUp, "pgdown": uv.KeyPgDown,
	}
	if code, ok := special[name]; ok {
		k.Code = code
		return k, nil
	}
	runes := []rune(name)
	if len(runes) != 1 {
		return k, fmt.Errorf("unknown key %q", name)
	}
	k.Code = runes[0]
	if k.Mod == 0 {
		k.Text = name
	}
	return k, nil
}

// shoot writes the screen as SVG, and beside it as PNG when that is possible.
func (p *player) shoot(ctx context.Context, name string) error {
	w, h := p.term.Size()
	c := p.term.Cursor()
	svg := drawSVG(p.term.Rows(0), w, h, c, p.title)
	if err := os.WriteFile(name, []byte(svg), 0o644); err != nil {
		return err
	}
	fmt.Println("wrote", name)
	convert, lookErr := exec.LookPath("rsvg-convert")
	if lookErr != nil {
		fmt.Println("no rsvg-convert here: no PNG")
		return nil
	}
	png := strings.TrimSuffix(name, ".svg") + ".png"
	if out, err := exec.CommandContext(ctx, convert, "--zoom", "2", "-o", png, name).CombinedOutput(); err != nil {
		return fmt.Errorf("rsvg-convert: %w: %s", err, out)
	}
	fmt.Println("wrote", png)
	return nil
}
