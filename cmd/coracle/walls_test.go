package main_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// tags are those that the engine is built with: without them its files are not
// seen.
func tags(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../storage/engine/BUILD_TAGS")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// imports is what `go list -deps` says of this module's packages: each with
// its direct imports and with all it is linked with.
type imports struct{ direct, all []string }

func listImports(t *testing.T) map[string]imports {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", tags(t), "-f", `{{.ImportPath}}|{{join .Imports " "}}|{{join .Deps " "}}`, "coracle/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	m := map[string]imports{}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		m[f[0]] = imports{strings.Fields(f[1]), strings.Fields(f[2])}
	}
	return m
}

// within reports whether a package is pkg or below it.
func within(path, pkg string) bool { return path == pkg || strings.HasPrefix(path, pkg+"/") }

func withinAny(path string, pkgs []string) bool {
	return slices.ContainsFunc(pkgs, func(p string) bool { return within(path, p) })
}

// Imports run one way: cmd → launcher → {userns, storage, slirp}, and these
// three do not know each other, save that any may use userns.
func TestWalls(t *testing.T) {
	rooms := []struct {
		room string
		may  []string // of this module, besides itself
	}{
		{"coracle/userns", nil},
		{"coracle/storage", []string{"coracle/userns"}},
		{"coracle/slirp", []string{"coracle/userns"}},
		{"coracle/launcher", []string{"coracle/userns", "coracle/storage", "coracle/slirp"}},
		{"coracle/cmd", []string{"coracle/launcher", "coracle/userns", "coracle/storage", "coracle/slirp"}},
	}
	for path, i := range listImports(t) {
		at := slices.IndexFunc(rooms, func(r struct {
			room string
			may  []string
		}) bool {
			return within(path, r.room)
		})
		if at < 0 {
			t.Errorf("%s is in no room of the house", path)
			continue
		}
		for _, d := range i.direct {
			if within(d, "coracle") && !within(d, rooms[at].room) && !withinAny(d, rooms[at].may) {
				t.Errorf("%s imports %s", path, d)
			}
		}
	}
}

// What the launch binary links is paid for at every start. (text/template, which
// lists need, costs 7 µs there; net/http a millisecond.)
func TestLightBinary(t *testing.T) {
	heavy := []string{
		"go.podman.io", "github.com/containers", "github.com/sirupsen/logrus", "net/http", "html/template",
		"github.com/rootless-containers", "google.golang.org", "crypto/tls", "github.com/BurntSushi/toml", "os/user/cgo",
	}
	for path, i := range listImports(t) {
		if !withinAny(path, []string{"coracle/userns", "coracle/launcher"}) && path != "coracle/storage" && path != "coracle/cmd/coracle" && path != "coracle/cmd/coracle-init" {
			continue
		}
		for _, d := range i.all {
			if withinAny(d, heavy) {
				t.Errorf("%s is linked with %s: see `go mod why %s`", path, d, d)
			}
		}
	}
}

// containers/storage and the image transports live in one place.
func TestHeavyPlace(t *testing.T) {
	for path, i := range listImports(t) {
		if within(path, "coracle/storage/engine") {
			continue
		}
		for _, d := range i.direct {
			if withinAny(d, []string{"go.podman.io/storage", "go.podman.io/image/v5"}) {
				t.Errorf("%s imports %s, which belongs into storage/engine", path, d)
			}
			// Frozen before the fix of CVE-2025-11395.
			if within(d, "github.com/containers/storage") {
				t.Errorf("%s imports %s: its present home is go.podman.io/storage", path, d)
			}
		}
	}
}
