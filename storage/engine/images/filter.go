//go:build containers_image_openpgp

package images

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"coracle/storage/record"
)

// A Filter is what --filter options say: an image is wanted when each key is
// satisfied. Several references are alternatives; of several labels all are
// wanted, as in docker and podman.
type Filter struct {
	tests []func(*record.Entry) bool
	// references are patterns, one of which a name has to match.
	references []string
}

// FilterFacts is what a filter has to be told.
type FilterFacts struct {
	Now time.Time
	// Find looks an image up for before= and since=.
	Find func(ref string) (*record.Entry, error)
	// Used tells whether a container uses an image, for containers=.
	Used func(id string) bool
}

// NewFilter reads filters of the form KEY=VALUE or KEY!=VALUE.
func NewFilter(words []string, facts FilterFacts) (*Filter, error) {
	f := &Filter{}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		key, not := strings.CutSuffix(key, "!")
		if !ok || key == "" {
			return nil, fmt.Errorf("--filter %q is not KEY=VALUE", w)
		}
		if key == "reference" && !not {
			if _, err := path.Match(value, ""); err != nil {
				return nil, fmt.Errorf("--filter %q: the pattern is broken", w)
			}
			f.references = append(f.references, value)
			continue
		}
		test, err := filterTest(key, value, facts)
		if err != nil {
			return nil, fmt.Errorf("--filter %s: %w", w, err)
		}
		f.tests = append(f.tests, func(e *record.Entry) bool { return test(e) != not })
	}
	return f, nil
}

// AddReference wants a name that matches, as an argument of `coracle images` does.
func (f *Filter) AddReference(pattern string) { f.references = append(f.references, pattern) }

// Match tells whether an image is wanted.
func (f *Filter) Match(e *record.Entry) bool {
	for _, t := range f.tests {
		if !t(e) {
			return false
		}
	}
	return len(f.references) == 0 || slices.ContainsFunc(e.Names, f.Name)
}

// Name tells whether a name is wanted.
func (f *Filter) Name(name string) bool {
	return len(f.references) == 0 || slices.ContainsFunc(f.references, func(p string) bool { return matchName(p, name) })
}

func filterTest(key, value string, facts FilterFacts) (func(*record.Entry) bool, error) {
	switch key {
	case "dangling", "intermediate", "readonly", "containers":
		return boolTest(key, value, facts)
	case "label":
		k, v, hasValue := strings.Cut(value, "=")
		return func(e *record.Entry) bool {
			have, ok := e.Labels[k]
			return ok && (!hasValue || have == v)
		}, nil
	case "reference": // negated
		if _, err := path.Match(value, ""); err != nil {
			return nil, fmt.Errorf("the pattern is broken")
		}
		return func(e *record.Entry) bool {
			return slices.ContainsFunc(e.Names, func(n string) bool { return matchName(value, n) })
		}, nil
	case "id":
		id := strings.TrimPrefix(value, "sha256:")
		return func(e *record.Entry) bool { return strings.HasPrefix(e.ID, id) }, nil
	case "digest":
		return func(e *record.Entry) bool {
			return slices.ContainsFunc(e.Digests, func(d string) bool { return strings.HasPrefix(d, value) })
		}, nil
	case "before", "since", "after":
		other, err := facts.Find(value)
		if err != nil {
			return nil, err
		}
		return func(e *record.Entry) bool {
			return key == "before" && e.Created.Before(other.Created) || key != "before" && e.Created.After(other.Created)
		}, nil
	case "until":
		t, err := ParseTime(value, facts.Now)
		if err != nil {
			return nil, err
		}
		return func(e *record.Entry) bool { return e.Created.Before(t) }, nil
	}
	return nil, fmt.Errorf("unknown key\n  fix: one of before, containers, dangling, digest, id, intermediate, label, readonly, reference, since, until")
}

func boolTest(key, value string, facts FilterFacts) (func(*record.Entry) bool, error) {
	want, err := strconv.ParseBool(value)
	if err != nil {
		return nil, fmt.Errorf("%q is not true or false", value)
	}
	return func(e *record.Entry) bool {
		switch key {
		case "dangling":
			return (e.Dangling() && !e.Intermediate) == want
		case "intermediate":
			return e.Intermediate == want
		case "readonly":
			return e.ReadOnly == want
		}
		return facts.Used(e.ID) == want
	}, nil
}

// matchName matches a pattern against a name, whole or without its tag, with
// its registry, without it, or by its last part alone.
func matchName(pattern, name string) bool {
	forms := []string{name}
	if repo := withoutTag(name); repo != name {
		forms = append(forms, repo)
	}
	for _, form := range forms {
		try := []string{form, form[strings.LastIndexByte(form, '/')+1:]}
		if host, rest, ok := strings.Cut(form, "/"); ok && strings.ContainsAny(host, ".:") || host == "localhost" {
			try = append(try, rest)
		}
		for _, t := range try {
			if ok, err := path.Match(pattern, t); ok && err == nil {
				return true
			}
		}
	}
	return false
}

func withoutTag(name string) string {
	if repo, _, ok := strings.Cut(name, "@"); ok {
		return repo
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i]
	}
	return name
}

// ParseTime reads a moment as --filter until takes it: RFC 3339 and parts of it,
// seconds since 1970, or a duration before now ("24h").
func ParseTime(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a time nor a duration\n  fix: 24h, 2026-01-31 or 2026-01-31T15:04:05Z", s)
}
