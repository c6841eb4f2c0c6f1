package space

import (
	"net/url"
	"time"
)

// Request is something that was asked of the API server, read from its audit
// log.
type Request struct {
	At          time.Time
	User        string
	UserAgent   string
	Verb        string // get, list, watch, create, update, patch, delete, …
	Group       string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	Query       url.Values
	Code        int // HTTP status
}
