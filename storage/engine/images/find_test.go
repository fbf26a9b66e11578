//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"
	"strings"
	"testing"

	"coracle/storage/record"
)

func TestFind(t *testing.T) {
	w := newWorld(t)
	a := "aaaa" + strings.Repeat("1", 60)
	b := "aaab" + strings.Repeat("2", 60)
	c := "cafe" + strings.Repeat("3", 60)
	w.image(made{id: a, names: []string{"docker.io/library/app:latest", "localhost/app:1"}, steps: []string{"a"}})
	w.image(made{id: b, names: []string{"registry.example/app:2"}, steps: []string{"b"}})
	w.image(made{id: c, steps: []string{"c"}})
	w.image(made{names: []string{"localhost/cafe:latest"}, steps: []string{"d"}, labels: map[string]string{"who": "cafe"}})
	d := "dada" + strings.Repeat("4", 60)
	w.image(made{id: d, names: []string{"127.0.0.1:5000/team/tool:latest", "127.0.0.1:5000/team/tool:7"}, steps: []string{"e"}})
	digest, far := w.entry(b).Digest, w.entry(d).Digest
	for _, tt := range []struct{ ref, id, name string }{
		{"app", a, "docker.io/library/app:latest"},
		{"app:1", a, "localhost/app:1"},
		{"localhost/app:1", a, "localhost/app:1"},
		{"app:2", b, "registry.example/app:2"},
		{"registry.example/app:2", b, "registry.example/app:2"},
		{a, a, ""},
		{a[:4], a, ""},
		{"sha256:" + a, a, ""},
		{"sha256:" + a[:12], a, ""},
		{digest, b, ""},
		{"registry.example/app@" + digest, b, ""},
		{"app@" + digest, b, ""},
		{"app:2@" + digest, b, ""},
		{"cafe3", c, ""},
		{"tool", d, "127.0.0.1:5000/team/tool:latest"},
		{"tool:7", d, "127.0.0.1:5000/team/tool:7"},
		{"team/tool", d, "127.0.0.1:5000/team/tool:latest"},
		{"team/tool@" + far, d, ""},
	} {
		f, err := Lookup(context.Background(), w.s, tt.ref)
		if err != nil || f.ID != tt.id || f.Name != tt.name {
			t.Errorf("%q: %+v, %v; want %.12s as %q", tt.ref, f, err, tt.id, tt.name)
		}
	}
	// A name is more than the beginning of an id.
	if img, err := Find(context.Background(), w.s, "cafe"); err != nil || img.ID == c || len(img.Names) != 1 {
		t.Errorf("cafe: %+v, %v", img, err)
	}
	for ref, want := range map[string]error{
		"nothing": record.ErrNotFound, "dddd": record.ErrNotFound, "app:3": record.ErrNotFound, "example.org/app": record.ErrNotFound,
		"sha256:" + strings.Repeat("0", 64): record.ErrNotFound, "app@sha256:" + strings.Repeat("0", 64): record.ErrNotFound,
		"ool": record.ErrNotFound, "am/tool": record.ErrNotFound, "tool:8": record.ErrNotFound, "tool@" + digest: record.ErrNotFound,
		"localhost/tool": record.ErrNotFound,
		"aaa":            record.ErrUsage, "No Name": record.ErrUsage, "": record.ErrUsage,
	} {
		if f, err := Lookup(context.Background(), w.s, ref); !errors.Is(err, want) {
			t.Errorf("%q: %+v, %v; want %v", ref, f, err, want)
		}
	}
	if _, err := Find(context.Background(), w.s, "aaa"); err == nil || !strings.Contains(err.Error(), a[:12]) || !strings.Contains(err.Error(), b[:12]) {
		t.Errorf("ambiguous: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Find(ctx, w.s, "app"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
