package toolbox

import (
	"bytes"
	"errors"
	"io"
)

const chunk = 32 << 10

// maxLine bounds what a command keeps of one line: input can be endless.
const maxLine = 4 << 20

var errLongLine = errors.New("line too long")

// eachLine calls f with each line of r, without its "\n", until f returns
// false. Waiting for input isn't charged, working on it is.
func (c *call) eachLine(r io.Reader, f func(line []byte) bool) error {
	buf := make([]byte, chunk)
	var part []byte
	for c.bad == nil {
		n, err := r.Read(buf)
		more := true
		c.box.p.CPU.Do(func() {
			data := buf[:n]
			for more {
				i := bytes.IndexByte(data, '\n')
				if i < 0 {
					break
				}
				line := data[:i]
				if len(part) > 0 {
					line = append(part, line...)
					part = part[:0]
				}
				more = f(line)
				data = data[i+1:]
			}
			if more {
				part = append(part, data...)
			}
		})
		switch {
		case !more:
			return nil
		case len(part) > maxLine:
			return errLongLine
		case err == io.EOF:
			if len(part) > 0 {
				f(part)
			}
			return nil
		case err != nil:
			return err
		case c.ctx.Err() != nil:
			return c.ctx.Err()
		}
	}
	return nil
}

// copy copies r to w piece by piece, charging the time it takes.
func (c *call) copy(w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, chunk)
	var total int64
	for {
		if err := c.ctx.Err(); err != nil {
			return total, err
		}
		var n int
		var rerr, werr error
		c.box.p.CPU.Do(func() {
			n, rerr = r.Read(buf)
			if n > 0 {
				_, werr = w.Write(buf[:n])
			}
		})
		total += int64(n)
		switch {
		case werr != nil:
			c.bad = werr
			return total, werr
		case rerr == io.EOF:
			return total, nil
		case rerr != nil:
			return total, rerr
		}
	}
}

// eachInput calls f for each named file, or for the input if there is none.
// Files that can't be opened are complained about and give exit code 1.
func (c *call) eachInput(names []string, f func(name string, r io.Reader) error) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	code := exitOK
	for _, name := range names {
		r, err := c.openInput(name)
		if err != nil {
			c.errorf("%s: %s: %s", c.name, name, errText(err))
			code = exitError
			continue
		}
		err = f(name, r)
		_ = r.Close() // it was only read
		if c.ctx.Err() != nil || c.bad != nil {
			return c.done()
		}
		if err != nil {
			c.errorf("%s: %s: %s", c.name, name, errText(err))
			code = exitError
		}
	}
	return max(code, c.done())
}
