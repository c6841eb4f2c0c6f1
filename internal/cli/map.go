package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider"
	"github.com/k8stutor/k8stutor/internal/cli/trim"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui"
)

// browse shows the map of the lessons, opens the one that is chosen, and comes
// back to the map when that is asked for.
func (a *app) browse(ctx context.Context) error {
	trim.ForScreen()
	for {
		shown, err := a.lessonMap()
		if err != nil {
			return err
		}
		choice, err := tui.RunMap(ctx, shown)
		if errors.Is(err, tui.ErrLeft) {
			return nil
		}
		if err != nil {
			return err
		}
		a = a.choose(shown, choice)
		if err := a.startOnScreen(ctx, placeFlags{name: choice.Lesson}); !errors.Is(err, tui.ErrMap) {
			return err
		}
	}
}

// choose returns the app with what was chosen on the map, and notes it for the
// next time. What can't be noted is chosen again then.
func (a *app) choose(shown tui.Map, choice tui.Choice) *app {
	s, last := a.settings, a.lastChoice()
	s.cluster = choice.Cluster.Provider
	if choice.Cluster.Name != "" {
		s.name = choice.Cluster.Name
	}
	if choice.Lang != shown.Lang {
		last.Lang, s.lang = choice.Lang, choice.Lang
	}
	last.Name = s.name
	if data, err := json.Marshal(last); err == nil {
		_ = a.writeState(a.choiceFile(), append(data, '\n'))
	}
	return a.with(s)
}

// recall returns the app with the cluster of the last time, unless another is
// asked for or that one is gone.
func (a *app) recall() *app {
	last, err := cluster.NewHome(a.state, a.lastChoice().Name)
	if a.settings.named || err != nil {
		return a
	}
	s := a.settings
	access, err := last.Access()
	if err != nil || s.cluster != provider.Auto && s.cluster != access.Provider {
		return a
	}
	s.name, s.cluster = last.Name(), access.Provider
	return a.with(s)
}

// lessonMap is what the map shows. It only reads: no cluster is claimed yet.
func (a *app) lessonMap() (tui.Map, error) {
	all, err := a.lessons()
	if err != nil {
		return tui.Map{}, err
	}
	lang, err := a.lang()
	if err != nil {
		return tui.Map{}, err
	}
	clusters, chosen, err := a.mapClusters()
	if err != nil {
		return tui.Map{}, err
	}
	progress := map[string]*lessons.Progress{} // by the cluster's name, read before the map asks
	for _, c := range clusters {
		name := a.nameOf(c)
		if progress[name] != nil {
			continue
		}
		if progress[name], err = a.progressOn(name); err != nil {
			return tui.Map{}, err
		}
	}
	return tui.Map{
		Lang: lang, Langs: lessons.Languages(), Charset: charset(lang, os.Getenv), Keys: a.settings.keys,
		Clusters: clusters, Cluster: chosen,
		Lessons: func(lang string, on tui.MapCluster) []tui.MapLesson {
			p := progress[a.nameOf(on)]
			here := latest(all, p)
			return tui.MapLessons(all, lang, here, func(lesson, step string) bool {
				return !p.Lesson(lesson).Steps[step].Met.IsZero()
			})
		},
	}, nil
}

// nameOf is the name that a cluster of the map has or will have.
func (a *app) nameOf(c tui.MapCluster) string {
	if c.Name == "" {
		return a.settings.name
	}
	return c.Name
}

// mapClusters is the clusters to choose from, and which one is chosen: the one
// that the settings name, those that are there besides, and of each provider
// that has none a new one by its name.
func (a *app) mapClusters() (list []tui.MapCluster, chosen int, err error) {
	home, err := a.home()
	if err != nil {
		return nil, 0, err
	}
	providers := a.providers.Names()
	access, err := home.Access()
	switch {
	case err == nil:
		list = append(list, tui.MapCluster{Provider: access.Provider, Name: home.Name()})
	case errors.Is(err, cluster.ErrAbsent):
		for i, p := range append([]string{provider.Auto}, providers...) {
			list = append(list, tui.MapCluster{Provider: p})
			if p == a.settings.cluster {
				chosen = i
			}
		}
	default:
		return nil, 0, err
	}
	homes, err := cluster.Homes(a.state)
	if err != nil {
		return nil, 0, err
	}
	taken := map[string]bool{}
	for _, h := range homes {
		taken[h.Name()] = true
		if access, err := h.Access(); err == nil && h.Name() != home.Name() {
			list = append(list, tui.MapCluster{Provider: access.Provider, Name: h.Name()})
		}
	}
	for _, p := range providers {
		if !taken[p] && !slices.ContainsFunc(list, func(c tui.MapCluster) bool { return c.Provider == p }) {
			list = append(list, tui.MapCluster{Provider: p, Name: p, New: true})
		}
	}
	return list, chosen, nil
}
