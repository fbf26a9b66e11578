package userns

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeHelpers puts scripts called newuidmap and newgidmap first in PATH.
func fakeHelpers(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	for _, k := range kinds {
		if err := os.WriteFile(filepath.Join(dir, k.helper), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestHelperArgs(t *testing.T) {
	got := helperArgs(42, IDMap{{0, 1000, 1}, {1, 100000, 65536}})
	if want := strings.Fields("42 0 1000 1 1 100000 65536"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestRunHelpers(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SECRET", "hunter2")
	fakeHelpers(t, `{ echo "$@"; env; } > `+dir+`/"${0##*/}"`+"\n")
	if err := anaGrant().WriteMaps(t.Context(), 42); err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		text, err := os.ReadFile(filepath.Join(dir, k.helper))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "42 0 1000 1 1 100000 65536\n") {
			t.Errorf("%s got %q", k.helper, text)
		}
		if strings.Contains(string(text), "hunter2") {
			t.Errorf("%s sees the caller's environment", k.helper)
		}
	}
}

func TestRunHelpersFailing(t *testing.T) {
	for _, c := range []struct {
		name, script string
		is           error
		says         []string
	}{
		{"says so", "echo 'newuidmap: uid range [0-1) -> [5-6) not allowed' >&2; exit 1\n", ErrRefused, []string{"[5-6) not allowed"}},
		{"without privilege", "echo 'write to uid_map failed: Operation not permitted' >&2; exit 1\n", ErrNoPrivilege, []string{"sudo chmod u+s /"}},
		{"terminal codes", "printf 'not allowed \\033[31m\\nmore' >&2; exit 1\n", ErrRefused, []string{"not allowed ?[31m"}},
		{"one of them", "case $0 in *newgidmap) echo 'gid range not allowed' >&2; exit 1;; esac\n", ErrRefused, []string{`cannot map gids of "ana"`, "/etc/subgid"}},
		{"talks much", "head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1\n", ErrNoPrivilege, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			fakeHelpers(t, c.script)
			err := anaGrant().WriteMaps(t.Context(), 42)
			if !errors.Is(err, c.is) {
				t.Fatalf("got %v", err)
			}
			for _, words := range c.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
		})
	}
}

func TestRunHelpersCancelled(t *testing.T) {
	fakeHelpers(t, "exec sleep 1000\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := anaGrant().WriteMaps(ctx, 42); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWriteMapsRefusesBadMaps(t *testing.T) {
	g := anaGrant()
	g.GIDs = append(g.GIDs, Extent{0, 5, 1})
	if err := g.WriteMaps(t.Context(), 42); !errors.Is(err, ErrBadMap) || !strings.Contains(err.Error(), "gids") {
		t.Errorf("got %v", err)
	}
	if err := (Grant{}).WriteMaps(t.Context(), 42); !errors.Is(err, ErrBadMap) {
		t.Errorf("a grant of nothing: %v", err)
	}
}

func TestFindProgram(t *testing.T) {
	if _, err := findProgram("no-such-program"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	t.Setenv("PATH", "")
	if path, err := findProgram("id"); err != nil || !filepath.IsAbs(path) {
		t.Errorf("without PATH: %q, %v", path, err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("id", []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", ".")
	if path, err := findProgram("id"); err != nil || strings.HasPrefix(path, dir) || !filepath.IsAbs(path) {
		t.Errorf("a program of the current directory: %q, %v", path, err)
	}
}

func TestRunProgram(t *testing.T) {
	out, err := runProgram(t.Context(), "sh", "-c", "head -c 1000000 /dev/zero; echo $HOME")
	if err != nil || len(out) != maxOutput {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	t.Setenv("SECRET", "hunter2")
	if out, err := runProgram(t.Context(), "sh", "-c", "echo $LC_ALL:$SECRET"); err != nil || string(out) != "C:\n" {
		t.Errorf("environment: %q, %v", out, err)
	}
	if _, err := runProgram(t.Context(), "sh", "-c", "exit 3"); err == nil {
		t.Error("a failure went unnoticed")
	}
	if _, err := runProgram(t.Context(), "no-such-program"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
