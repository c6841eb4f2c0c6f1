package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster/provider/kind"
	"github.com/k8stutor/k8stutor/lessons/content"
)

func newBundleCmd(a *app) *cobra.Command {
	return groupCmd(&cobra.Command{
		Use:   "bundle",
		Short: "Carry kind's images to machines without a registry",
		Long: `A bundle is a single file that holds the node image and the lessons' images for
kind. Save it on a machine with a network and load it on one without; start and
cluster up then use it. The embedded cluster needs no bundle.`,
	}, newBundleSaveCmd(a), newBundleLoadCmd(a))
}

func newBundleSaveCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "save FILE",
		Short: "Save the node image and the lessons' images to a file",
		Args:  oneFile,
		RunE:  func(cmd *cobra.Command, args []string) error { return a.saveBundle(cmd.Context(), args[0]) },
	}
	outputFlag(c)
	return c
}

func (a *app) saveBundle(ctx context.Context, file string) error {
	addons, err := addonImages()
	if err != nil {
		return err
	}
	saved, left, err := kind.SaveBundle(ctx, file, kind.BundleOptions{
		State: a.state, Image: a.settings.nodeImage, Images: a.settings.lessonImages, Addons: addons,
	}, phaseLines(a.io.ErrOut))
	if err != nil {
		return fmt.Errorf("the bundle was not saved: %w", err)
	}
	for _, l := range left {
		fmt.Fprintf(a.io.ErrOut, "not in the bundle: %s (%v); lessons that install it need a registry, or a node image that contains it\n", l.Name, l.Err)
	}
	return a.printBundle(saved, fmt.Sprintf("saved to %s; load it with `k8stutor bundle load %s`", file, file))
}

func newBundleLoadCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "load FILE",
		Short: "Load the images of a bundle, to create clusters without a registry",
		Args:  oneFile,
		RunE:  func(cmd *cobra.Command, args []string) error { return a.loadBundle(cmd.Context(), args[0]) },
	}
	outputFlag(c)
	return c
}

func (a *app) loadBundle(ctx context.Context, file string) error {
	loaded, err := kind.LoadBundle(ctx, a.state, file, phaseLines(a.io.ErrOut))
	if err != nil {
		return fmt.Errorf("the bundle was not loaded: %w", err)
	}
	return a.printBundle(loaded, "loaded; `k8stutor start --cluster kind` no longer needs a registry")
}

func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("`%s` takes one file but got %d; see `%s --help`", cmd.CommandPath(), len(args), cmd.CommandPath())
	}
	return nil
}

func (a *app) printBundle(all []kind.BundleImage, then string) error {
	if a.settings.json {
		return writeJSON(a.io.Out, all)
	}
	out := tabwriter.NewWriter(a.io.Out, 0, 0, 2, ' ', 0)
	for _, b := range all {
		fmt.Fprintf(out, "%s\t%s\t%s\t%.1f MB\n", b.Role, b.Name, b.Digest, float64(b.Size)/1e6)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(a.io.Out, then+"\n")
	return err
}

// imageLine finds images that are named with their registry: those without one
// are the lessons' own, or nonsense on purpose.
var imageLine = regexp.MustCompile(`(?m)^\s*(?:- )?image:\s*"?([a-z0-9-]+(?:\.[a-z0-9-]+)+/[^\s"#]+)`)

// addonImages lists the images that the lessons' manifests name with their
// registry, such as metrics-server's.
func addonImages() ([]string, error) {
	var found []string
	err := fs.WalkDir(content.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := fs.ReadFile(content.FS(), path)
		for _, m := range imageLine.FindAllSubmatch(data, -1) {
			found = append(found, string(m[1]))
		}
		return err
	})
	slices.Sort(found)
	return slices.Compact(found), err
}
