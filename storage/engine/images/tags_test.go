//go:build containers_image_openpgp

package images

import (
	"errors"
	"slices"
	"testing"

	"coracle/storage/record"
)

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.image(made{names: []string{"registry.example/app:2", "registry.example/app:1", "localhost/app:x", "registry.example/application:1"}, steps: []string{"a"}})
	w.image(made{names: []string{"registry.example/app:3", "127.0.0.1:5000/team/tool:1", "127.0.0.1:5000/a/two:1", "127.0.0.1:5000/b/two:1"}, steps: []string{"b"}})
	for ref, want := range map[string][]string{
		"registry.example/app": {"registry.example/app:1", "registry.example/app:2", "registry.example/app:3"},
		"localhost/app":        {"localhost/app:x"},
		"app":                  {"localhost/app:x"},
		"team/tool":            {"127.0.0.1:5000/team/tool:1"},
		"tool":                 {"127.0.0.1:5000/team/tool:1"},
	} {
		if got, err := Tags(w.s, ref); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", ref, got, err, want)
		}
	}
	for ref, want := range map[string]error{
		"registry.example/app:1": record.ErrUsage, "two": record.ErrUsage, "No Name": record.ErrUsage, "": record.ErrUsage,
		"none": record.ErrNotFound, "ool": record.ErrNotFound, "example.org/app": record.ErrNotFound,
	} {
		if got, err := Tags(w.s, ref); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v; want %v", ref, got, err, want)
		}
	}
}
