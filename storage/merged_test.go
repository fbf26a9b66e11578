package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// stack makes layers, top first, from descriptions: "path=text" is a file,
// "path/" a directory, "!path" a whiteout, "path/!" an opaque directory.
func stack(t testing.TB, dir string, layers ...string) []string {
	t.Helper()
	var dirs []string
	for i, layer := range layers {
		root := filepath.Join(dir, fmt.Sprint("layer", i))
		must(t, os.MkdirAll(root, 0o755))
		dirs = append(dirs, root)
		for _, what := range strings.Fields(layer) {
			name, gone := strings.CutPrefix(what, "!")
			name, opaque := strings.CutSuffix(name, "/!")
			name, text, file := strings.Cut(name, "=")
			name = filepath.Join(root, name)
			must(t, os.MkdirAll(filepath.Dir(name), 0o755))
			switch {
			case gone:
				must(t, unix.Mknod(name, unix.S_IFCHR, 0))
			case file && strings.HasPrefix(text, "->"):
				must(t, os.Symlink(text[2:], name))
			case file:
				must(t, os.WriteFile(name, []byte(text), 0o644))
			default:
				must(t, os.MkdirAll(name, 0o755))
				if opaque {
					must(t, unix.Setxattr(name, "user.overlay.opaque", []byte("y"), 0))
				}
			}
		}
	}
	return dirs
}

func TestViewStacksLayers(t *testing.T) {
	if !inBase(t) { // whiteouts are devices: only a mapped root makes them
		return
	}
	for _, c := range []struct {
		name   string
		layers []string // top first
		want   map[string]string
	}{
		{"top wins", []string{"a=1", "a=2 b=2"}, map[string]string{"a": "1", "b": "2"}},
		{"directories join", []string{"d/a=1", "d/a=2 d/b=2", "d/c=3"}, map[string]string{"d/a": "1", "d/b": "2", "d/c": "3"}},
		{"whiteout", []string{"!a", "a=2 b=2"}, map[string]string{"a": "", "b": "2"}},
		{"whiteout of a directory", []string{"", "!d", "d/a=3"}, map[string]string{"d/a": "", "d": ""}},
		{"made again", []string{"d/b=1", "!d", "d/a=3"}, map[string]string{"d/a": "", "d/b": "1"}},
		{"opaque", []string{"d/! d/b=1", "d/a=2"}, map[string]string{"d/a": "", "d/b": "1"}},
		{"opaque in the middle", []string{"d/c=1", "d/! d/b=2", "d/a=3"}, map[string]string{"d/a": "", "d/b": "2", "d/c": "1"}},
		{"opaque beneath", []string{"d/e/x=1", "d/!", "d/e/y=3"}, map[string]string{"d/e/x": "1", "d/e/y": ""}},
		{"file over directory", []string{"d=1", "d/a=2"}, map[string]string{"d": "1"}},
		{"directory over file", []string{"d/a=1", "d=2", "d/b=3"}, map[string]string{"d/a": "1", "d/b": ""}},
		{"link into another layer", []string{"l=->d/a", "d/a=2"}, map[string]string{"l": "2"}},
		{"link over directory", []string{"d=->e", "d/a=2 e/a=3"}, map[string]string{"d/a": "3"}},
		{"link back up", []string{"x/l=->../d/../d/a", "d/a=2"}, map[string]string{"x/l": "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := view(t, stack(t, t.TempDir(), c.layers...)...)
			for name, want := range c.want {
				data, err := v.ReadFile(name, 100)
				if want == "" && errors.Is(err, fs.ErrNotExist) || want != "" && err == nil && string(data) == want {
					continue
				}
				t.Errorf("%s = %q, %v; want %q", name, data, err, want)
			}
		})
	}
}

// The rules of overlay are the kernel's: random stacks are mounted and compared
// name by name.
func TestViewAgainstOverlay(t *testing.T) {
	if !inBase(t) {
		return
	}
	random := rand.New(rand.NewSource(1))
	for round := range 60 {
		dir := t.TempDir()
		var layers []string
		for range 2 + random.Intn(4) {
			layers = append(layers, randomLayer(random))
		}
		dirs := stack(t, dir, layers...)
		mnt := filepath.Join(dir, "mnt")
		must(t, os.Mkdir(mnt, 0o755))
		must(t, unix.Mount("overlay", mnt, "overlay", 0, "userxattr,lowerdir="+strings.Join(dirs, ":")))
		v := view(t, dirs...)
		for _, name := range candidates() {
			got := "none"
			if _, mode, exists, err := v.Resolve(name); err == nil && exists {
				got = mode.String()
				if data, err := v.ReadFile(name, 100); err == nil {
					got += " " + string(data)
				}
			}
			if want := shown(filepath.Join(mnt, name)); got != want {
				t.Errorf("round %d: %s is %q, overlay says %q\n%s", round, name, got, want, strings.Join(layers, "\n"))
			}
		}
		must(t, unix.Unmount(mnt, 0))
	}
}

func candidates() (names []string) {
	for _, a := range "abc" {
		names = append(names, string(a))
		for _, b := range "abc" {
			names = append(names, string(a)+"/"+string(b))
			for _, c := range "ab" {
				names = append(names, string(a)+"/"+string(b)+"/"+string(c))
			}
		}
	}
	return names
}

func randomLayer(random *rand.Rand) string {
	var layer []string
	taken := map[string]bool{} // names that cannot hold others, and their parents
	for range 1 + random.Intn(6) {
		names := candidates()
		name := names[random.Intn(len(names))]
		free := !taken[name]
		for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
			free = free && !taken["file "+dir]
		}
		if !free {
			continue
		}
		for dir := name; dir != "."; dir = filepath.Dir(dir) {
			taken[dir] = true
		}
		kind := random.Intn(4)
		if kind != 3 {
			taken["file "+name] = kind < 2
		}
		layer = append(layer, []string{name + fmt.Sprintf("=%d", random.Intn(1000)), "!" + name, name + "/", name + "/!"}[kind])
	}
	sort.Strings(layer)
	return strings.Join(layer, " ")
}

// shown is what a path is. Each name is asked for by itself: overlay's readdir
// also lists whiteouts, when only one layer has the directory.
func shown(name string) string {
	info, err := os.Lstat(name)
	if err != nil {
		return "none"
	}
	value := info.Mode().String()
	if info.Mode().IsRegular() {
		data, _ := os.ReadFile(name)
		value += " " + string(data)
	}
	return value
}
