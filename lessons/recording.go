package lessons

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Recording is the trace of one proof of a step on a live cluster: of its
// solution, of a mutant, of an alternative. Replayed, it must give the same
// verdict again.
type Recording struct {
	Lesson    string       `json:"lesson"`
	Step      string       `json:"step"`
	Case      string       `json:"case,omitempty"`
	Proof     string       `json:"phase"` // as the harness calls it
	Name      string       `json:"name,omitempty"`
	Namespace string       `json:"namespace"`
	Trace     []TraceEntry `json:"-"`
}

// Key names what a recording is of.
func (r Recording) Key() string { return r.Step + "/" + r.Case + "/" + r.Proof + "/" + r.Name }

// packedLine is one line of a file of recordings: the head of a recording, or
// an entry of its trace.
type packedLine struct {
	Head *Recording `json:"head,omitempty"`
	From time.Time  `json:"from,omitzero"` // with Head: the time from which entries count

	At      int64         `json:"at,omitempty"` // microseconds
	Change  *packedChange `json:"c,omitempty"`
	Request *Requested    `json:"q,omitempty"`
	Probe   *Probe        `json:"p,omitempty"`
	Answer  *Answered     `json:"a,omitempty"`
	Begin   *Begin        `json:"b,omitempty"`
	Retry   *Retry        `json:"r,omitempty"`
}

// packedChange is a traceChange in less space: of an object that the recording
// has shown before, only what is different.
type packedChange struct {
	traceChange
	// Key names the object. Its old state is the one that came last.
	Key string `json:"k,omitempty"`
	// Patch makes the new state of the old one; null removes a field.
	Patch map[string]any `json:"d,omitempty"`
	// Same: the new state, or of a deletion the old one, is the last one.
	Same bool `json:"s,omitempty"`
}

// unique matches the random names that take most of the space when they are
// compressed: UIDs and the ids of containers. Their beginnings stay: a lesson may
// take a word that nobody can guess from one.
var unique = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}`)

// WriteRecordings writes recordings in a compact form: objects as differences,
// random ids as short ones.
func WriteRecordings(w io.Writer, all []Recording) error {
	// Recordings of one lesson are much alike, also over megabytes.
	zip, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(16<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := r.write(zip); err != nil {
			return fmt.Errorf("write recording %s: %w", r.Key(), err)
		}
	}
	return zip.Close()
}

func (r Recording) write(w io.Writer) error {
	ids := map[string]string{}
	line := func(l packedLine) error {
		data, err := json.Marshal(l)
		if err != nil {
			return err
		}
		data = unique.ReplaceAllFunc(data, func(id []byte) []byte {
			short, ok := ids[string(id)]
			if !ok {
				short = string(id[:8]) + "-" + strconv.Itoa(len(ids)+1)
				ids[string(id)] = short
			}
			return []byte(short)
		})
		_, err = w.Write(append(data, '\n'))
		return err
	}
	var from time.Time
	if len(r.Trace) > 0 {
		from = r.Trace[0].At.UTC().Truncate(time.Microsecond)
	}
	if err := line(packedLine{Head: &r, From: from}); err != nil {
		return err
	}
	held := map[string]map[string]any{}
	for _, e := range r.Trace {
		if e.Request != nil && e.Request.Namespace != r.Namespace && e.Request.Namespace != "" {
			continue // of another proof that ran side by side
		}
		l := packedLine{At: e.At.Sub(from).Microseconds(), Probe: e.Probe, Answer: e.Answer, Begin: e.Begin, Retry: e.Retry}
		if e.Request != nil {
			l.Request = &Requested{*e.Request}
		}
		if e.Change != nil {
			l.Change = packChange(*e.Change, held)
		}
		if err := line(l); err != nil {
			return err
		}
	}
	return nil
}

func packChange(c traceChange, held map[string]map[string]any) *packedChange {
	c.Old, c.New = withoutManagers(c.Old), withoutManagers(c.New)
	o := c.New
	if o == nil {
		o = c.Old
	}
	out := &packedChange{traceChange: c}
	if o == nil {
		return out
	}
	out.Key = c.Resource + "/" + object(o).str("metadata", "namespace") + "/" + object(o).name()
	last, known := held[out.Key]
	switch {
	case known && c.New != nil && reflect.DeepEqual(last, c.Old):
		out.Old, out.New = nil, nil
		out.Patch = mergePatch(last, c.New)
		out.Same = len(out.Patch) == 0
	case known && c.New == nil:
		out.Old = nil
		out.Patch = mergePatch(last, c.Old)
		out.Same = len(out.Patch) == 0
	}
	if c.New != nil {
		held[out.Key] = c.New
	} else {
		delete(held, out.Key)
	}
	return out
}

// withoutManagers leaves metadata.managedFields out: nobody judges by who wrote
// which field.
func withoutManagers(o map[string]any) map[string]any {
	metadata, ok := o["metadata"].(map[string]any)
	if _, has := metadata["managedFields"]; !ok || !has {
		return o
	}
	o, metadata = maps.Clone(o), maps.Clone(metadata)
	delete(metadata, "managedFields")
	o["metadata"] = metadata
	return o
}

// unpackChange is what packChange was given.
func unpackChange(p packedChange, held map[string]map[string]any) (traceChange, error) {
	c := p.traceChange
	wholeNumbers(c.Old)
	wholeNumbers(c.New)
	if p.Key == "" {
		return c, nil
	}
	if c.Old == nil && c.New == nil {
		last, known := held[p.Key]
		if !known {
			return c, fmt.Errorf("change of %s, whose earlier state is not in the recording", p.Key)
		}
		wholeNumbers(p.Patch)
		c.Old, c.New = last, patched(last, p.Patch)
		if p.Type == "DELETED" {
			c.Old, c.New = c.New, nil
		}
	}
	if c.New != nil {
		held[p.Key] = c.New
	} else {
		delete(held, p.Key)
	}
	return c, nil
}

// mergePatch is a merge patch (RFC 7396) that makes b of a. A field that is
// null in b counts as one that is not there.
func mergePatch(a, b map[string]any) map[string]any {
	patch := map[string]any{}
	for _, k := range unionKeys(a, b) {
		x, inA := a[k]
		y, inB := b[k]
		xm, xIsMap := x.(map[string]any)
		ym, yIsMap := y.(map[string]any)
		switch {
		case inA && inB && reflect.DeepEqual(x, y):
		case !inB:
			patch[k] = nil
		case xIsMap && yIsMap:
			patch[k] = mergePatch(xm, ym)
		default:
			patch[k] = y
		}
	}
	return patch
}

// patched is a with a merge patch applied; a stays as it is.
func patched(a, patch map[string]any) map[string]any {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]any{}
	}
	for k, p := range patch {
		m, isMap := p.(map[string]any)
		old, wasMap := out[k].(map[string]any)
		switch {
		case p == nil:
			delete(out, k)
		case isMap && wasMap:
			out[k] = patched(old, m)
		default:
			out[k] = p
		}
	}
	return out
}

// ReadRecordings reads what WriteRecordings wrote.
func ReadRecordings(r io.Reader) ([]Recording, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	defer zip.Close()
	var out []Recording
	var from time.Time
	var held map[string]map[string]any
	lines := bufio.NewReader(zip)
	for n := 1; ; n++ {
		data, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(data)) > 0 {
			var l packedLine
			if err := json.Unmarshal(data, &l); err != nil {
				return nil, fmt.Errorf("recordings, line %d: %w", n, err)
			}
			if l.Head != nil {
				out, from, held = append(out, *l.Head), l.From, map[string]map[string]any{}
				continue
			}
			if len(out) == 0 {
				return nil, fmt.Errorf("recordings, line %d: entry before the first head", n)
			}
			e, err := l.entry(from, held)
			if err != nil {
				return nil, fmt.Errorf("recordings, line %d: %w", n, err)
			}
			last := &out[len(out)-1]
			last.Trace = append(last.Trace, e)
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read recordings: %w", err)
		}
	}
}

func (l packedLine) entry(from time.Time, held map[string]map[string]any) (TraceEntry, error) {
	e := TraceEntry{
		At: from.Add(time.Duration(l.At) * time.Microsecond), Probe: l.Probe, Answer: l.Answer, Begin: l.Begin, Retry: l.Retry,
	}
	if l.Request != nil {
		e.Request = &l.Request.Request
	}
	if l.Change != nil {
		c, err := unpackChange(*l.Change, held)
		if err != nil {
			return e, err
		}
		e.Change = &c
	}
	return e, nil
}
