package cluster

import (
	"context"
	"errors"
	"fmt"
)

// Options say which cluster is wanted.
type Options struct {
	Want     string // "auto", "embedded" or "kind"
	Embedded string // path of k8stutor-embedded; empty: look for it
	Image    string // kind's node image; empty: the one kind was released with
}

// Choose picks the provider. For "auto" that is the one which made the cluster
// before, else kind when a container engine answers and has the node image,
// else embedded. The reason says why, in one line for a person; it is empty
// when there was nothing to choose.
func Choose(ctx context.Context, home Home, o Options) (p Provider, reason string, err error) {
	made, err := home.Access()
	if err != nil && !errors.Is(err, ErrAbsent) {
		return nil, "", err
	}
	switch o.Want {
	case "embedded", "kind":
		if made.Provider != "" && made.Provider != o.Want {
			return nil, "", fmt.Errorf("cluster %q was made by %s: use --cluster %s, another --name, or delete it first with `k8stutor cluster delete --name %s`", home.Name(), made.Provider, made.Provider, home.Name())
		}
		p, err = open(home, o.Want, o)
		return p, "", err
	case "auto", "":
		if made.Provider != "" {
			p, err = open(home, made.Provider, o)
			return p, "", err
		}
	default:
		return nil, "", fmt.Errorf("--cluster %q: use auto, embedded or kind", o.Want)
	}

	eng, err := findEngine(ctx)
	if err != nil {
		reason = fmt.Sprintf("embedded: %v", err)
	} else if image := nodeImage(o.Image); !eng.hasImage(ctx, image) {
		reason = fmt.Sprintf("embedded: %s answers but does not have %s (pull it, or ask for --cluster kind)", eng.name, image)
	} else {
		p, err = open(home, "kind", o)
		return p, fmt.Sprintf("kind: %s answers and has the node image", eng.name), err
	}
	p, err = open(home, "embedded", o)
	return p, reason, err
}

func open(home Home, provider string, o Options) (Provider, error) {
	switch provider {
	case "embedded":
		return NewEmbedded(home, o.Embedded)
	case "kind":
		return NewKind(home, o.Image), nil
	default:
		return nil, fmt.Errorf("the record of cluster %q names the provider %q, which this version does not know", home.Name(), provider)
	}
}
