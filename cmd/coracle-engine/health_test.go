//go:build containers_image_openpgp

package main

import (
	"os"
	"path/filepath"
	"testing"

	"coracle/launcher/containers"
	"coracle/storage"
)

// A container counts as never started only while a fact is missing, no process
// left a trace, and nothing was written.
func TestNeverStarted(t *testing.T) {
	all := []string{containers.IntentFact, containers.SpecFact}
	for name, tt := range map[string]struct {
		facts   []string
		started bool
		wrote   bool
		want    bool
	}{
		"nothing yet":     {nil, false, false, true},
		"one fact":        {all[:1], false, false, true},
		"both":            {all, false, false, false},
		"started":         {all[:1], true, false, false},
		"written to":      {all[:1], false, true, false},
		"damaged, in use": {nil, true, true, false},
	} {
		d := &storage.Dir{Path: t.TempDir()}
		for _, f := range tt.facts {
			must(t, d.WriteFact(f, []byte("{}")))
		}
		if tt.started {
			must(t, containers.WriteState(d.Path, containers.State{PID: os.Getpid(), Start: containers.StartTime(os.Getpid())}))
		}
		if tt.wrote {
			must(t, os.MkdirAll(filepath.Join(d.Upper(), "etc"), 0o755))
		}
		c := &containers.Container{Dir: d}
		if got := neverStarted(c); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if err := damage(c); (err == nil) != (len(tt.facts) == 2) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestImportPlatform(t *testing.T) {
	for word, want := range map[string]importCommand{
		"":             {},
		"arm64":        {OS: "linux", Arch: "arm64"},
		"linux/arm/v7": {OS: "linux", Arch: "arm", Variant: "v7"},
		"linux/amd64":  {OS: "linux", Arch: "amd64"},
	} {
		c := importCommand{Platform: word}
		must(t, c.platform())
		if c.OS != want.OS || c.Arch != want.Arch || c.Variant != want.Variant {
			t.Errorf("%q: %+v", word, c)
		}
	}
	for _, c := range []importCommand{{Platform: "linux/amd64", Arch: "arm"}, {Platform: "windows/amd64"}, {Platform: "a b"}} {
		if err := c.platform(); err == nil {
			t.Errorf("%+v passes", c)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
