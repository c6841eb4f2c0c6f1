package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubectl/pkg/describe"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/tui"
)

// inspector answers what the screen is asked to show of an object. Its requests
// are the learner's looking (cluster.ScreenUserAgent).
func inspector(access cluster.Access) (func(context.Context, tui.Inspection) (string, error), error) {
	in, err := cluster.NewInspector(access)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, what tui.Inspection) (string, error) {
		switch what.What {
		case "yaml":
			return in.YAML(ctx, what.Resource, what.Namespace, what.Name)
		case "logs", "previous-logs":
			return logs(ctx, in, what)
		}
		return describeObject(in, what)
	}, nil
}

// logs are those of all containers, each under its name when there are several.
// A container that has none (yet) does not hide the others'.
func logs(ctx context.Context, in *cluster.Inspector, what tui.Inspection) (string, error) {
	previous := what.What == "previous-logs"
	if len(what.Containers) < 2 {
		return in.Log(ctx, what.Namespace, what.Name, strings.Join(what.Containers, ""), previous)
	}
	var b strings.Builder
	for _, c := range what.Containers {
		text, err := in.Log(ctx, what.Namespace, what.Name, c, previous)
		if err != nil {
			text = "! " + err.Error() + "\n"
		}
		fmt.Fprintf(&b, "── %s ──\n%s\n", c, text)
	}
	return b.String(), nil
}

// logFollower follows the logs of a Pod's containers, each until it will not run
// again.
func logFollower(access cluster.Access) (tui.Follow, error) {
	in, err := cluster.NewInspector(access)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, what tui.Inspection, add func(string, cluster.LogEntry)) error {
		if len(what.Containers) < 2 {
			only := strings.Join(what.Containers, "")
			return in.FollowLog(ctx, what.Namespace, what.Name, only, func(e cluster.LogEntry) { add("", e) })
		}
		var wg sync.WaitGroup
		errs := make([]error, len(what.Containers))
		for i, c := range what.Containers {
			wg.Go(func() {
				errs[i] = in.FollowLog(ctx, what.Namespace, what.Name, c, func(e cluster.LogEntry) { add(c, e) })
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}, nil
}

// describeObject is what `kubectl describe` prints. It takes no context: the
// library has none, and its requests are short.
func describeObject(in *cluster.Inspector, what tui.Inspection) (string, error) {
	kind := schema.GroupKind{Group: what.Resource.Group, Kind: what.Kind}
	d, ok := describe.DescriberFor(kind, in.Config())
	if !ok {
		scope := meta.RESTScopeNamespace
		if what.Namespace == "" {
			scope = meta.RESTScopeRoot
		}
		d, ok = describe.GenericDescriberFor(&meta.RESTMapping{
			Resource: what.Resource, GroupVersionKind: kind.WithVersion(what.Resource.Version), Scope: scope,
		}, in.Config())
	}
	if !ok {
		return "", fmt.Errorf("%s can't be described", what.Resource.Resource)
	}
	return d.Describe(what.Namespace, what.Name, describe.DescriberSettings{ShowEvents: true, ChunkSize: 500})
}

// layoutFile holds how the learner has arranged the screen.
func (a *app) layoutFile() string { return filepath.Join(a.state, "screen.json") }

// layout is how the learner has arranged the screen. A file that is missing or
// damaged is no arrangement: it holds nothing that could not be chosen again.
func (a *app) layout() tui.Layout {
	var l tui.Layout
	data, err := os.ReadFile(a.layoutFile())
	if err == nil && json.Unmarshal(data, &l) != nil {
		return tui.Layout{}
	}
	return l
}

// saveLayout writes it down, whole or not at all.
func (a *app) saveLayout(l tui.Layout) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return a.writeState(a.layoutFile(), append(data, '\n'))
}

// tourFile is there when the learner has seen the tour.
func (a *app) tourFile() string { return filepath.Join(a.state, "tour-seen") }

// tourSeen notes that the tour was seen; it is nil when that is noted already.
func (a *app) tourSeen() func() error {
	if _, err := os.Stat(a.tourFile()); err == nil {
		return nil
	}
	return func() error { return a.writeState(a.tourFile(), []byte("The tour of the screen was seen.\n")) }
}

// writeState writes a file of the state folder, whole or not at all.
func (a *app) writeState(file string, data []byte) error {
	if err := os.MkdirAll(a.state, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(a.state, "."+filepath.Base(file)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// charset is what the learner's terminal can show, by the locale (POSIX: LC_ALL,
// else LC_CTYPE, else LANG) and K8STUTOR_ASCII. Somebody who has asked for
// Chinese has a terminal for it, whatever the locale says.
func charset(lang string, getenv func(string) string) tui.Charset {
	switch {
	case lang == "en" && !utf8Locale(getenv):
		return tui.CharsetASCII
	case getenv("K8STUTOR_ASCII") != "":
		return tui.CharsetASCIIBorders
	}
	return tui.CharsetUTF8
}

// utf8Locale tells whether the locale is one of UTF-8. Where none is set, as in
// many containers, the terminal is modern enough.
func utf8Locale(getenv func(string) string) bool {
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale = getenv(name); locale != "" {
			break
		}
	}
	_, codeset, _ := strings.Cut(locale, ".")
	codeset, _, _ = strings.Cut(codeset, "@")
	return locale == "" || strings.EqualFold(strings.ReplaceAll(codeset, "-", ""), "utf8")
}
