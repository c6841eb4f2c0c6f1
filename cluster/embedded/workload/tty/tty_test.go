package tty_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload/tty"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCooked(t *testing.T) {
	tests := []struct{ name, keys, read, screen string }{
		{"line", "abc\r", "abc\n", "abc\r\n"},
		{"two lines", "a\rb\n", "a\nb\n", "a\r\nb\r\n"},
		{"backspace", "abx\x7fc\r", "abc\n", "abx\b \bc\r\n"},
		{"backspace at the start", "\x7f\x7fa\r", "a\n", "a\r\n"},
		{"wide", "世\x7fx\r", "x\n", "世\b \b\b \bx\r\n"},
		{"erase line", "abc\x15x\r", "x\n", "abc\b \b\b \b\b \bx\r\n"},
		{"erase word", "ab cd\x17x\r", "ab x\n", "ab cd\b \b\b \bx\r\n"},
		{"interrupt", "abc\x03d\r", "d\n", "abc^Cd\r\n"},
		{"end in a line", "ab\x04", "ab", "ab"},
		{"control character", "a\x01\r", "a\x01\n", "a^A\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, keyboard := io.Pipe()
			screen := &workloadtest.Buffer{}
			x := tty.New(in, screen)
			if _, err := io.WriteString(keyboard, tt.keys); err != nil {
				t.Fatal(err)
			}
			_ = keyboard.Close()
			got, err := io.ReadAll(x)
			if err != nil || string(got) != tt.read {
				t.Errorf("read %q, %v, want %q", got, err, tt.read)
			}
			if screen.String() != tt.screen {
				t.Errorf("screen %q, want %q", screen, tt.screen)
			}
		})
	}
}

func TestEndOfInputIsNotForever(t *testing.T) {
	in, keyboard := io.Pipe()
	x := tty.New(in, io.Discard)
	_, _ = io.WriteString(keyboard, "\x04a\r")
	if got, err := io.ReadAll(io.LimitReader(x, 2)); err != nil || string(got) != "a\n" {
		// What is ready comes before the end, as nothing tells their order.
		t.Errorf("read %q, %v", got, err)
	}
	if n, err := x.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
	_, _ = io.WriteString(keyboard, "b\r")
	if got, err := io.ReadAll(io.LimitReader(x, 2)); err != nil || string(got) != "b\n" {
		t.Errorf("read %q, %v", got, err)
	}
	_ = keyboard.Close()
}

func TestRawAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, keyboard := io.Pipe()
		screen := &workloadtest.Buffer{}
		x := tty.New(in, screen)
		x.SetRaw(true)
		_, _ = io.WriteString(keyboard, "a\x7f\r")
		synctest.Wait()
		b := make([]byte, 1)
		if _, err := x.Read(b); err != nil || b[0] != 'a' {
			t.Errorf("read %q, %v", b, err)
		}
		x.Unread(b)
		_, _ = io.WriteString(keyboard, "x\x03")
		synctest.Wait()
		if screen.String() != "" {
			t.Errorf("raw mode echoed %q", screen)
		}
		x.SetRaw(false) // what was typed early counts, and Ctrl-C above all
		select {
		case <-x.Interrupts():
		default:
			t.Error("Ctrl-C was lost")
		}
		_ = keyboard.Close()
		synctest.Wait()
	})
}

func TestReadContext(t *testing.T) {
	in, keyboard := io.Pipe()
	x := tty.New(in, io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.ReadContext(ctx, make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_ = keyboard.CloseWithError(io.ErrClosedPipe)
	if _, err := x.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}

func FuzzCooked(f *testing.F) {
	f.Add([]byte("ab\x7f\x17\x15\x03\x04\r世"))
	f.Fuzz(func(t *testing.T, keys []byte) {
		in, keyboard := io.Pipe()
		x := tty.New(in, io.Discard)
		go func() {
			_, _ = keyboard.Write(keys)
			_ = keyboard.Close()
		}()
		for range len(keys) + 2 {
			if _, err := io.ReadAll(x); err != nil {
				t.Fatal(err)
			}
		}
	})
}
