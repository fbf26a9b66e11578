//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.podman.io/image/v5/docker/reference"

	"coracle/storage/record"
)

func TestNewName(t *testing.T) {
	for in, want := range map[string]string{
		"a": "localhost/a:latest", "a:1": "localhost/a:1", "team/a": "localhost/team/a:latest", "quay.io/a/b": "quay.io/a/b:latest",
		"host:5000/a:v": "host:5000/a:v", "localhost/a": "localhost/a:latest", "localhost:5000/a": "localhost:5000/a:latest",
	} {
		if got, err := NewName(in); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "UP", "a b", "a:", ":1", "a@sha256:" + strings.Repeat("a", 64), "a/../b", "a\x1b[2J", strings.Repeat("a", 300), "a//b"} {
		if got, err := NewName(in); !errors.Is(err, record.ErrUsage) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func FuzzNewName(f *testing.F) {
	f.Add("localhost/a:1")
	f.Add("a.b:80/c@sha256:")
	f.Fuzz(func(t *testing.T, in string) {
		name, err := NewName(in)
		if err != nil {
			return
		}
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil || reference.IsNameOnly(named) || named.String() != name && !strings.HasPrefix(name, "index.docker.io/") {
			t.Errorf("%q became %q, which is %v, %v", in, name, named, err)
		}
	})
}

func TestTag(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	a := w.image(made{names: []string{"localhost/a:1"}, steps: []string{"a"}})
	b := w.image(made{names: []string{"localhost/b:1"}, steps: []string{"b"}})
	check(t, Tag(ctx, w.s, a, []string{"b:1", "quay.io/x"}))
	if got := w.entry(a.ID).Names; len(got) != 3 || !slices.Contains(got, "localhost/b:1") || !slices.Contains(got, "quay.io/x:latest") {
		t.Errorf("a: %v", got)
	}
	if got := w.entry(b.ID); !got.Dangling() {
		t.Errorf("b keeps %v", got.Names)
	}
	// All or nothing: a bad name among good ones.
	if err := Tag(ctx, w.s, b, []string{"good", "BAD"}); err == nil || !func() bool { e := w.entry(b.ID); return e.Dangling() }() {
		t.Errorf("half: %v", err)
	}
	img, err := Find(ctx, w.s, a.ID)
	check(t, err)
	if err := Untag(ctx, w.s, img, []string{"quay.io/x", "other"}); err == nil || len(w.entry(a.ID).Names) != 3 {
		t.Errorf("untag of a name that it has not: %v", err)
	}
	check(t, Untag(ctx, w.s, img, []string{"quay.io/x"}))
	if got := w.entry(a.ID).Names; len(got) != 2 {
		t.Errorf("after untag: %v", got)
	}
	img, err = Find(ctx, w.s, a.ID)
	check(t, err)
	check(t, Untag(ctx, w.s, img, nil))
	if got := w.entry(a.ID); !got.Dangling() {
		t.Errorf("after untag of all: %v", got.Names)
	}
}
