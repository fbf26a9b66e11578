//go:build containers_image_openpgp

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"coracle/storage/volume"
)

// volumeRow is a volume as docker and podman show it.
type volumeRow struct {
	Name, Driver, Mountpoint string
	CreatedAt                time.Time
	Labels                   volumeWords
	Scope                    string
	Options                  volumeWords
	Status                   map[string]string `json:",omitempty"`
	// UID and GID own the content: ids of the base user namespace.
	UID, GID    uint32 `json:",omitempty"`
	Anonymous   bool   `json:",omitempty"`
	MountCount  int    // containers that name it
	NeedsCopyUp bool   `json:",omitempty"`
	NeedsChown  bool   `json:",omitempty"`
}

// volumeWords are labels or options; in a table they are one string, as in
// docker.
type volumeWords map[string]string

// String is KEY=VALUE,….
func (w volumeWords) String() string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(w)) {
		words = append(words, k+"="+w[k])
	}
	return strings.Join(words, ",")
}

// Label is one label, for templates.
func (r volumeRow) Label(key string) string { return r.Labels[key] }

func newVolumeRow(v *volume.Volume, users int) volumeRow {
	r := volumeRow{
		Name: v.Name, Driver: "local", Mountpoint: v.Mountpoint(), CreatedAt: v.Created,
		Labels: v.Labels, Scope: "local", Options: v.Options,
		Anonymous: v.Anonymous, MountCount: users, NeedsCopyUp: v.NeedsCopyUp, NeedsChown: v.NeedsChown,
	}
	if r.Labels == nil {
		r.Labels = volumeWords{}
	}
	if r.Options == nil {
		r.Options = volumeWords{}
	}
	if local, err := volume.ParseOptions(v.Options); err == nil && local.Type == "bind" {
		r.Mountpoint = local.Device
	}
	if uid, gid, ok := v.ContentOwner(); ok {
		r.UID, r.GID = uid, gid
	}
	if v.Err != nil {
		r.Status = map[string]string{"error": v.Err.Error()}
	}
	return r
}

// volumeFilter is what --filter asks for; values of one key are alternatives,
// but every label has to be there.
type volumeFilter struct {
	key  string
	test []func(v *volume.Volume, users int) bool
}

func parseVolumeFilters(words []string, now time.Time) (list []volumeFilter, err error) {
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok || value == "" {
			return nil, fmt.Errorf("--filter %q is not KEY=VALUE\n  fix: --filter name=…, label=…, dangling=true", w)
		}
		test, err := volumeTest(key, value, now)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(f volumeFilter) bool { return f.key == key })
		if i < 0 || strings.HasPrefix(key, "label") {
			list = append(list, volumeFilter{key: key})
			i = len(list) - 1
		}
		list[i].test = append(list[i].test, test)
	}
	return list, nil
}

func volumeTest(key, value string, now time.Time) (func(*volume.Volume, int) bool, error) {
	truth := func(of func(*volume.Volume, int) bool) (func(*volume.Volume, int) bool, error) {
		switch value {
		case "true", "1":
			return of, nil
		case "false", "0":
			return func(v *volume.Volume, users int) bool { return !of(v, users) }, nil
		}
		return nil, fmt.Errorf("--filter %s wants true or false", key)
	}
	switch key {
	case "name":
		return func(v *volume.Volume, _ int) bool { return strings.Contains(v.Name, value) }, nil
	case "driver", "scope":
		return func(*volume.Volume, int) bool { return value == "local" }, nil
	case "label":
		return func(v *volume.Volume, _ int) bool { return hasWord(v.Labels, value) }, nil
	case "label!":
		return func(v *volume.Volume, _ int) bool { return !hasWord(v.Labels, value) }, nil
	case "opt":
		return func(v *volume.Volume, _ int) bool { return hasWord(v.Options, value) }, nil
	case "dangling":
		return truth(func(_ *volume.Volume, users int) bool { return users == 0 })
	case "anonymous":
		return truth(func(v *volume.Volume, _ int) bool { return v.Anonymous })
	case "until", "since", "after":
		t, err := parseUntil(value, now)
		return func(v *volume.Volume, _ int) bool { return v.Created.Before(t) == (key == "until") }, err
	case "all": // docker's prune: anonymous ones only without; here all are meant anyway
		return func(*volume.Volume, int) bool { return true }, nil
	}
	return nil, fmt.Errorf("--filter %s: unknown; there are name, label, label!, driver, opt, scope, dangling, anonymous, until, since", key)
}

func hasWord(m map[string]string, want string) bool {
	key, value, exact := strings.Cut(want, "=")
	have, ok := m[key]
	return ok && (!exact || have == value)
}

func fitsAll(list []volumeFilter, v *volume.Volume, users int) bool {
	for _, f := range list {
		if !slices.ContainsFunc(f.test, func(test func(*volume.Volume, int) bool) bool { return test(v, users) }) {
			return false
		}
	}
	return true
}
