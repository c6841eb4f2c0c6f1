package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubectl/pkg/describe"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/tui"
)

// inspector answers what the screen is asked to show of an object. Its requests
// are the learner's looking (cluster.ScreenUserAgent).
func inspector(access cluster.Access) (func(context.Context, tui.Inspection) (string, error), error) {
	in, err := space.NewInspector(access)
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
func logs(ctx context.Context, in *space.Inspector, what tui.Inspection) (string, error) {
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
	in, err := space.NewInspector(access)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, what tui.Inspection, add func(string, space.LogEntry)) error {
		if len(what.Containers) < 2 {
			only := strings.Join(what.Containers, "")
			return in.FollowLog(ctx, what.Namespace, what.Name, only, func(e space.LogEntry) { add("", e) })
		}
		var wg sync.WaitGroup
		errs := make([]error, len(what.Containers))
		for i, c := range what.Containers {
			wg.Go(func() {
				errs[i] = in.FollowLog(ctx, what.Namespace, what.Name, c, func(e space.LogEntry) { add(c, e) })
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}, nil
}

// describeObject is what `kubectl describe` prints. It takes no context: the
// library has none, and its requests are short.
func describeObject(in *space.Inspector, what tui.Inspection) (string, error) {
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
