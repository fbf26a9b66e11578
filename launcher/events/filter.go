package events

import (
	"fmt"
	"slices"
	"strings"
)

// Filter tells whether an event is wanted.
type Filter func(*Event) bool

// matchers tell, by the key of a filter, whether an event has the value.
func matchers() map[string]func(e *Event, value string) bool {
	return map[string]func(e *Event, value string) bool{
		"container": func(e *Event, v string) bool { return e.Type == Container && named(e, v) },
		"event": func(e *Event, v string) bool {
			word, _, _ := strings.Cut(e.Action(), ":")
			return v == e.Status || v == e.Action() || v == word
		},
		"id": func(e *Event, v string) bool { return e.ID != "" && strings.HasPrefix(e.ID, v) },
		"image": func(e *Event, v string) bool {
			return e.Type == Container && e.Image == v || e.Type == Image && named(e, v)
		},
		"label":   func(e *Event, v string) bool { return labelled(e, v) },
		"network": func(e *Event, v string) bool { return e.Type == Network && named(e, v) },
		"type":    func(e *Event, v string) bool { return e.Type == v },
		"volume":  func(e *Event, v string) bool { return e.Type == Volume && e.Name == v },
	}
}

func named(e *Event, v string) bool {
	return e.Name == v || v != "" && strings.HasPrefix(strings.TrimPrefix(e.ID, "sha256:"), strings.TrimPrefix(v, "sha256:"))
}

func labelled(e *Event, v string) bool {
	key, value, exact := strings.Cut(v, "=")
	got, ok := e.Attributes[key]
	return ok && (!exact || got == value)
}

// NewFilter reads filters KEY=VALUE. An event must fit one value of each key, as
// in podman.
func NewFilter(filters []string) (Filter, error) {
	all := matchers()
	wanted := make(map[string][]string)
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if all[key] == nil || !ok || value == "" {
			return nil, fmt.Errorf("invalid --filter %.80q: container, event, id, image, label, network, type and volume are possible\n  fix: --filter event=start", f)
		}
		wanted[key] = append(wanted[key], value)
	}
	return func(e *Event) bool {
		for key, values := range wanted {
			if !slices.ContainsFunc(values, func(v string) bool { return all[key](e, v) }) {
				return false
			}
		}
		return true
	}, nil
}
