package kind

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/k8stutor/k8stutor/cluster/provider/engine"
)

// registryTime bounds the question whether a registry has an image.
const registryTime = 5 * time.Second

// UsableImage is the name of the node image that a cluster is made from: want
// when the engine has it, else what a bundle brought in its place, else want,
// which then must be pulled. A bundle stands for the image it was saved from;
// it also stands for kind's own, which nobody asked for by name.
func UsableImage(ctx context.Context, eng engine.Engine, state, want string) (string, error) {
	image := NodeImage(want)
	if eng.HasImage(ctx, image) {
		return image, nil
	}
	rec, err := bundleDir(state).node()
	if err != nil {
		return "", err
	}
	if rec.Local == "" || rec.Image != image && image != defaults.Image {
		return image, nil
	}
	if eng.HasImage(ctx, rec.Local) {
		return rec.Local, nil
	}
	return image, nil
}

// InRegistry asks the image's registry whether it has it, without pulling and
// without credentials. It goes the way of this process (with its proxy), not
// of the engine, which can't be asked.
func InRegistry(ctx context.Context, image string) error {
	ref, err := name.ParseReference(image)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, registryTime)
	defer cancel()
	_, err = remote.Head(ref, remote.WithContext(ctx), remote.WithUserAgent("k8stutor"))
	var refused *transport.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return fmt.Errorf("%s answers %d", ref.Context().RegistryStr(), refused.StatusCode)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer within %s", ref.Context().RegistryStr(), registryTime)
	default:
		return fmt.Errorf("%s can't be reached", ref.Context().RegistryStr())
	}
}
