// Command shot takes pictures of a terminal program: it runs the program on a
// pty, plays a script of keys and waits, and writes what is on the screen as SVG
// or PNG, and what happens on it as an animated GIF. The pictures in assets are made with
// it; see `make pictures`. PNG and GIF are drawn by rsvg-convert.
//
//	go run ./hack/shot -size 120x40 -script script.txt -- k8stutor start service
//
// A script has one command on each line; text is a Go string literal:
//
//	wait "text"      until the text is on the screen
//	gone "text"      until it is not
//	type "text"      type it; \r is Enter
//	slowly "text"    type it as people do, 12 keys a second
//	key ctrl+g       press a key: a letter, enter, esc, tab, up, pgdown, ctrl+x, …
//	settle 300ms     until nothing has changed for so long
//	pause 2s         look at it for so long
//	size 80x24       resize the terminal
//	shot file.png    write a picture now, as PNG or SVG
//	record file.gif  write from here on what happens
//	stop             end the recording
//
// A recording has the time of the terminal, but that nothing stands still for
// longer than -still.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

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

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("shot", flag.ContinueOnError)
	size := flags.String("size", "120x40", "columns x rows")
	script := flags.String("script", "", "file with the script; - is standard input")
	out := flags.String("o", "", "write the last screen to this SVG or PNG file")
	timeout := flags.Duration("timeout", 2*time.Minute, "the longest that one line of the script may take")
	title := flags.String("title", "", "text of the window's title bar")
	light := flags.Bool("light", false, "a terminal with a light background")
	cjk := flags.String("cjk", "TC", "whose forms of Chinese characters: TC (Taiwan) or SC (mainland)")
	still := flags.Duration("still", 3*time.Second, "the longest that a recording stands still")
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
	t.SetDark(!*light)
	p := &player{
		term: t, timeout: *timeout, still: *still, window: window{title: *title, cjk: *cjk, theme: dark},
		dirty: make(chan struct{}, 1), filmed: make(chan struct{}, 1),
	}
	if *light {
		p.window.theme = bright
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { p.pump(ctx) })
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
