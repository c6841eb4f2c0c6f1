package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	framePace = 80 * time.Millisecond   // between the frames of a recording, at least
	drawTime  = 25 * time.Millisecond   // for a program to draw all of what it draws
	lastFrame = 3500 * time.Millisecond // before it begins again
)

// frame is how the screen looked from a time on.
type frame struct {
	svg string
	at  time.Time
}

// recording is what happens on a screen.
type recording struct {
	name   string
	frames []frame
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// record begins a recording, which the caller must stop.
func (p *player) record(ctx context.Context, name string) *recording {
	ctx, cancel := context.WithCancel(ctx)
	r := &recording{name: name, cancel: cancel}
	r.done.Go(func() {
		w := p.window
		w.square = true // GIF has no half-transparent corners
		for {
			now := time.Now()
			if svg := p.draw(w); len(r.frames) == 0 || svg != r.frames[len(r.frames)-1].svg {
				r.frames = append(r.frames, frame{svg, now})
			}
			if pause(ctx, framePace-drawTime) != nil {
				break
			}
			select {
			case <-p.filmed:
			case <-ctx.Done():
			}
			if pause(ctx, drawTime) != nil {
				break
			}
		}
		r.frames = append(r.frames, frame{at: time.Now()})
	})
	return r
}

func (r *recording) stop() {
	r.cancel()
	r.done.Wait()
}

// write draws the frames and writes them as GIF.
func (r *recording) write(ctx context.Context, still time.Duration) error {
	frames, end := r.frames[:len(r.frames)-1], r.frames[len(r.frames)-1].at
	images := make([]*image.NRGBA, len(frames))
	errs := make([]error, len(frames))
	var wg sync.WaitGroup
	room := make(chan struct{}, runtime.NumCPU())
	for i, f := range frames {
		room <- struct{}{}
		wg.Go(func() {
			images[i], errs[i] = render(ctx, f.svg, 1)
			<-room
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	delays, length := make([]int, len(frames)), time.Duration(0)
	for i := range frames {
		d := lastFrame
		if i+1 < len(frames) {
			d = min(frames[i+1].at.Sub(frames[i].at), still)
		}
		delays[i] = int(d.Round(10*time.Millisecond) / (10 * time.Millisecond))
		length += d
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, animate(images, delays)); err != nil {
		return err
	}
	fmt.Printf("%s: %d frames, %.1f s of %.1f s\n", r.name, len(frames), length.Seconds(), end.Sub(frames[0].at).Seconds())
	return save(r.name, b.Bytes())
}

// render draws an SVG picture.
func render(ctx context.Context, svg string, zoom int) (*image.NRGBA, error) {
	cmd := exec.CommandContext(ctx, "rsvg-convert", "--zoom", strconv.Itoa(zoom))
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(svg), &out, &complaint
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("rsvg-convert is not here: apt-get install librsvg2-bin (brew install librsvg)")
		}
		return nil, fmt.Errorf("rsvg-convert: %w: %s", err, complaint.Bytes())
	}
	return decodePNG(&out)
}
