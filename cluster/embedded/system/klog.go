package system

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// klogWriter writes lines with the header of klog, the log format of the
// components of Kubernetes:
// https://github.com/kubernetes/klog, "Lmmdd hh:mm:ss.uuuuuu threadid file:line] msg".
type klogWriter struct {
	file string

	mu sync.Mutex
	w  io.Writer
}

func (l *klogWriter) info(format string, args ...any) { l.write('I', format, args) }
func (l *klogWriter) err(format string, args ...any)  { l.write('E', format, args) }

func (l *klogWriter) write(level byte, format string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now().UTC()
	// A container whose log can't be written has nowhere to say so.
	_, _ = fmt.Fprintf(l.w, "%c%s %7d %s] %s\n", level, now.Format("0102 15:04:05.000000"), 1, l.file, fmt.Sprintf(format, args...))
}
