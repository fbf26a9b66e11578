package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindPaths(t *testing.T) {
	uid := os.Getuid()
	mine := t.TempDir()
	must(t, os.Chmod(mine, 0o700))
	const nobody = 4242424
	for _, c := range []struct {
		uid       int
		env       map[string]string
		data, run string
	}{
		{uid, map[string]string{"XDG_DATA_HOME": mine, "XDG_RUNTIME_DIR": mine}, mine + "/coracle", mine + "/coracle"},
		{nobody, map[string]string{"HOME": "/home/ana"}, "/home/ana/.local/share/coracle", "/tmp/coracle-4242424"},
		{nobody, map[string]string{"HOME": "/home/ana", "XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": mine}, "/d/coracle", "/tmp/coracle-4242424"},
		{nobody, map[string]string{"HOME": "/home/ana", "XDG_DATA_HOME": "relative", "XDG_RUNTIME_DIR": "relative"}, "/home/ana/.local/share/coracle", "/tmp/coracle-4242424"},
	} {
		got, err := FindPaths(c.uid, func(key string) string { return c.env[key] })
		if err != nil || got.Data != c.data || got.Run != c.run {
			t.Errorf("%v: %+v, %v", c.env, got, err)
		}
	}
	none := func(string) string { return "" }
	if got, err := FindPaths(0, none); err != nil || got.Data != "/var/lib/coracle" {
		t.Errorf("root: %+v, %v", got, err)
	}
	if uid != 0 {
		foreign := func(string) string { return mine }
		if got, err := FindPaths(0, foreign); err != nil || got.Data != "/var/lib/coracle" || strings.HasPrefix(got.Run, mine) {
			t.Errorf("root with a user's environment: %+v, %v", got, err)
		}
	}
	if got, err := FindPaths(nobody, none); err == nil || !strings.Contains(err.Error(), "fix:") {
		t.Errorf("no home: %+v, %v", got, err)
	}
}

func TestMakeRun(t *testing.T) {
	dir := t.TempDir()
	p := func(name string) Paths { return Paths{Run: filepath.Join(dir, name)} }
	must(t, p("new").MakeRun())
	must(t, p("new").MakeRun())
	if info, err := os.Lstat(p("new").Run); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info, err)
	}
	must(t, os.Symlink("new", p("link").Run))
	must(t, os.WriteFile(p("file").Run, nil, 0o600))
	must(t, os.Mkdir(p("open").Run, 0o700))
	must(t, os.Chmod(p("open").Run, 0o750))
	must(t, os.Mkdir(p("foreign").Run, 0o700))
	bad := []string{"link", "file", "open"}
	if os.Getuid() == 0 {
		must(t, os.Chown(p("foreign").Run, testUser, testUser))
		bad = append(bad, "foreign")
	}
	for _, name := range bad {
		if err := p(name).MakeRun(); !errors.Is(err, ErrUnsafeDir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p("no/where").MakeRun(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestIDsAndNames(t *testing.T) {
	seen := map[string]bool{}
	for attempt := range 20 {
		id, err := NewID()
		must(t, err)
		name, err := randomName(attempt)
		must(t, err)
		if !ValidID(id) || seen[id] || CheckName(name) != nil || attempt > 5 && seen[name] {
			t.Errorf("%q %q", id, name)
		}
		seen[id], seen[name] = true, true
	}
	for _, list := range [][]string{moods[:], sailors[:]} {
		for _, word := range list {
			if seen[word] || CheckName(word) != nil || strings.ToLower(word) != word {
				t.Errorf("%q: twice or not a name", word)
			}
			seen[word] = true
		}
	}
	for name, ok := range map[string]bool{
		"a": true, "A1_.-": true, "0": true, strings.Repeat("a", 255): true,
		"": false, ".a": false, "-a": false, "_a": false, "a b": false, "a/b": false, "é": false, "a\n": false, strings.Repeat("a", 256): false,
	} {
		if err := CheckName(name); (err == nil) != ok || !ok && !errors.Is(err, ErrBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if ValidID(strings.Repeat("A", 64)) || ValidID("") || ValidID(strings.Repeat("a", 63)) {
		t.Error("bad ids pass")
	}
}
