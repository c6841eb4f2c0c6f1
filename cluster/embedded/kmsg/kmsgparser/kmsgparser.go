// Package kmsgparser stands in for github.com/euank/go-kmsg-parser, by a
// replace in go.mod of the embedded cluster. The kubelet's OOM watcher opens
// /dev/kmsg through that package and gives up when it may not, as an
// unprivileged user mostly may not. The containers of the embedded cluster are
// no processes, so the kernel has nothing to say of them: this parser opens
// nothing and never delivers a message.
package kmsgparser

import "time"

// Message is one kernel message.
type Message struct {
	Priority       int
	SequenceNumber int
	Timestamp      time.Time
	Message        string
}

// Logger takes what a parser has to say of itself.
type Logger interface {
	Infof(string, ...interface{})
	Warningf(string, ...interface{})
	Errorf(string, ...interface{})
}

// Parser reads kernel messages.
type Parser interface {
	SeekEnd() error
	Parse() <-chan Message
	SetLogger(Logger)
	Close() error
}

type silent struct{}

func (silent) SeekEnd() error        { return nil }
func (silent) Parse() <-chan Message { return make(chan Message) }
func (silent) SetLogger(Logger)      {}
func (silent) Close() error          { return nil }

// NewParser returns a parser that stays silent.
func NewParser() (Parser, error) { return silent{}, nil }
