package coredns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// config is what is used of a Corefile.
type config struct {
	domain   string
	ttl      uint32
	lameduck time.Duration
}

// defaultTTL is the kubernetes plugin's, in seconds.
const defaultTTL = 5

// parseCorefile reads the kubernetes and health plugins out of a Corefile
// (https://coredns.io/manual/configuration/). Other plugins are what this
// server does anyway, or can't do.
func parseCorefile(data []byte) (config, error) {
	c := config{ttl: defaultTTL}
	var blocks []string // plugin names of the open blocks
	sc := bufio.NewScanner(bytes.NewReader(data))
	for line := 1; sc.Scan(); line++ {
		text, _, _ := strings.Cut(sc.Text(), "#")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		if f[0] == "}" {
			if len(blocks) == 0 {
				return c, fmt.Errorf("Corefile:%d - Error during parsing: Unexpected '}'", line)
			}
			blocks = blocks[:len(blocks)-1]
			continue
		}
		opens := f[len(f)-1] == "{"
		if opens {
			f = f[:len(f)-1]
		}
		if err := c.directive(blocks, f); err != nil {
			return c, fmt.Errorf("Corefile:%d - Error during parsing: %w", line, err)
		}
		if opens {
			name := ""
			if len(f) > 0 {
				name = f[0]
			}
			blocks = append(blocks, name)
		}
	}
	switch {
	case len(blocks) > 0:
		return c, errors.New("Corefile - Error during parsing: Unexpected EOF, a '}' is missing")
	case c.domain == "":
		return c, errors.New("Corefile: no server block with the kubernetes plugin; the embedded cluster's DNS needs it")
	}
	return c, nil
}

func (c *config) directive(blocks, f []string) error {
	if len(f) == 0 {
		return nil
	}
	in := ""
	if len(blocks) > 0 {
		in = blocks[len(blocks)-1]
	}
	switch {
	case len(blocks) == 1 && f[0] == "kubernetes":
		c.domain = dns.CanonicalName("cluster.local")
		if len(f) > 1 {
			c.domain = dns.CanonicalName(f[1])
		}
	case in == "kubernetes" && f[0] == "ttl":
		if len(f) != 2 {
			return errors.New("Wrong argument count or unexpected line ending after 'ttl'")
		}
		n, err := strconv.ParseUint(f[1], 10, 32)
		if err != nil || n > 3600 {
			return fmt.Errorf("ttl must be in range [0, 3600]: %s", f[1])
		}
		c.ttl = uint32(n)
	case in == "health" && f[0] == "lameduck" && len(f) == 2:
		d, err := time.ParseDuration(f[1])
		if err != nil {
			return fmt.Errorf("invalid lameduck duration %q", f[1])
		}
		c.lameduck = d
	}
	return nil
}
