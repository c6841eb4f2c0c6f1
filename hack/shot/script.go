package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/tui/term"
)

// keyPace is the time between the keys of somebody who types.
const keyPace = time.Second / 12

// player plays a script to a program.
type player struct {
	term    *term.Term
	timeout time.Duration // of a line
	still   time.Duration // the longest that a recording stands still
	window  window
	dirty   chan struct{} // the screen has changed: for the script
	filmed  chan struct{} // the same, for the recording
	tape    *recording    // nil when none is under way
}

// pump passes on that the screen has changed, until ctx ends.
func (p *player) pump(ctx context.Context) {
	for {
		select {
		case <-p.term.Dirty():
		case <-ctx.Done():
			return
		}
		for _, to := range []chan struct{}{p.dirty, p.filmed} {
			select {
			case to <- struct{}{}:
			default:
			}
		}
	}
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
	defer func() {
		if p.tape != nil {
			p.tape.stop()
		}
	}()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		step, cancel := context.WithTimeout(ctx, p.timeout)
		err := p.play(ctx, step, line)
		cancel()
		if err != nil {
			return fmt.Errorf("%s:%d: %s: %w\nthe screen:\n%s", name, n, line, err, strings.Join(p.term.Text(), "\n"))
		}
	}
	return lines.Err()
}

// play does one line of the script within step; ctx is the whole script's.
func (p *player) play(ctx, step context.Context, line string) error {
	command, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch command {
	case "wait", "gone", "type", "slowly":
		text, err := strconv.Unquote(rest)
		if err != nil {
			return fmt.Errorf("want a quoted text: %w", err)
		}
		return p.text(step, command, text)
	case "settle", "pause":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		if command == "pause" {
			return pause(step, d)
		}
		return p.settle(step, d)
	case "key":
		k, err := parseKey(rest)
		if err != nil {
			return err
		}
		return p.term.Key(k)
	case "size":
		w, h, err := parseSize(rest)
		if err != nil {
			return err
		}
		return p.term.Resize(w, h)
	case "shot":
		return p.shoot(step, rest)
	case "record":
		if p.tape != nil {
			return errors.New("a recording is under way")
		}
		p.tape = p.record(ctx, rest)
		return nil
	case "stop":
		if p.tape == nil {
			return errors.New("no recording is under way")
		}
		tape := p.tape
		p.tape = nil
		tape.stop()
		// Drawing the frames takes longer than a line of the script may.
		return tape.write(ctx, p.still)
	}
	return fmt.Errorf("unknown command %q", command)
}

func (p *player) text(ctx context.Context, command, text string) error {
	switch command {
	case "type":
		return p.term.Type(text)
	case "slowly":
		for _, r := range text {
			if err := p.term.Type(string(r)); err != nil {
				return err
			}
			if err := pause(ctx, keyPace); err != nil {
				return err
			}
		}
		return nil
	}
	return p.until(ctx, func() bool {
		return strings.Contains(strings.Join(p.term.Text(), "\n"), text) == (command == "wait")
	})
}

// until waits until ok, looking again whenever the screen has changed.
func (p *player) until(ctx context.Context, ok func() bool) error {
	for !ok() {
		select {
		case <-p.dirty:
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

// settle waits until the screen has been quiet for so long.
func (p *player) settle(ctx context.Context, quiet time.Duration) error {
	for {
		timer := time.NewTimer(quiet)
		select {
		case <-p.dirty:
			timer.Stop()
		case <-timer.C:
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// draw is the screen as SVG.
func (p *player) draw(w window) string {
	width, height := p.term.Size()
	return w.draw(p.term.Rows(0), width, height, p.term.Cursor())
}

// shoot writes the screen as SVG or PNG.
func (p *player) shoot(ctx context.Context, name string) error {
	data := []byte(p.draw(p.window))
	switch filepath.Ext(name) {
	case ".svg":
	case ".png":
		img, err := render(ctx, string(data), 2)
		if err != nil {
			return err
		}
		if data, err = encodePNG(img); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s: a picture ends in .svg or .png", name)
	}
	return save(name, data)
}

func save(name string, data []byte) error {
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return err
	}
	fmt.Printf("wrote %s, %d kB\n", name, (len(data)+999)/1000)
	return nil
}
