package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// onDisk makes a store of two layers and a record that speaks of it.
func onDisk(t *testing.T) (*Record, string) {
	t.Helper()
	dir := t.TempDir()
	r := &Record{ID: testID, Dir: dir}
	for _, name := range []string{"top", "base"} {
		diff := filepath.Join(dir, name, "diff")
		if err := os.MkdirAll(diff, 0o755); err != nil {
			t.Fatal(err)
		}
		r.Layers = append(r.Layers, Layer{Link: "l/" + name, Diff: diff})
	}
	write(t, filepath.Join(dir, "images.lock"), strings.Repeat("\x01", 64))
	write(t, filepath.Join(dir, "layers.lock"), "")
	for _, f := range []struct {
		kind Kind
		name string
	}{{Lock, "images.lock"}, {Soft, "layers.lock"}, {File, "storage.conf"}, {Lock, "other.lock"}} {
		tok, err := Take(f.kind, filepath.Join(dir, f.name))
		if err != nil {
			t.Fatal(err)
		}
		r.Tokens = append(r.Tokens, tok)
	}
	return r, dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStale(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, dir string)
		stale  bool
	}{
		{"nothing", func(*testing.T, string) {}, false},
		{"image written", func(t *testing.T, dir string) {
			write(t, dir+"/images.lock", strings.Repeat("\x01", 63)+"\x02")
		}, true},
		{"image lock longer", func(t *testing.T, dir string) {
			write(t, dir+"/images.lock", strings.Repeat("\x01", 64)+"tail")
		}, false},
		{"image lock gone", func(t *testing.T, dir string) { os.Remove(dir + "/images.lock") }, true},
		{"lock appears", func(t *testing.T, dir string) { write(t, dir+"/other.lock", "") }, true},
		{"configuration appears", func(t *testing.T, dir string) { write(t, dir+"/storage.conf", "") }, true},
		{"container made", func(t *testing.T, dir string) { write(t, dir+"/layers.lock", "1") }, false},
		{"top layer gone", func(t *testing.T, dir string) { os.Remove(dir + "/top/diff") }, true},
		{"top layer a file", func(t *testing.T, dir string) {
			os.Remove(dir + "/top/diff")
			write(t, dir+"/top/diff", "")
		}, true},
		{"base gone unseen", func(t *testing.T, dir string) { os.Remove(dir + "/base/diff") }, false},
		{"base gone and layers written", func(t *testing.T, dir string) {
			os.Remove(dir + "/base/diff")
			write(t, dir+"/layers.lock", "1")
		}, true},
		{"lock unreadable", func(t *testing.T, dir string) {
			os.Remove(dir + "/images.lock")
			if err := os.Mkdir(dir+"/images.lock", 0o700); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, dir := onDisk(t)
			tt.change(t, dir)
			if why := r.Stale(); (why != "") != tt.stale {
				t.Errorf("stale: %q", why)
			}
		})
	}
	if (&Record{}).Stale() == "" {
		t.Error("a record without tokens holds for ever")
	}
}

// TestFileState changes a file in ways that leave its size and modification
// time alone.
func TestFileState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "one")
	before, err := Take(File, path)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	write(t, path+".new", "two")
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path+".new", times, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if before.same() {
		t.Error("a replaced file with the same size and time is the same")
	}
	if tok, err := Take(File, path+"/below"); err != nil || tok.State != absent {
		t.Errorf("below a file: %+v, %v", tok, err)
	}
	if _, err := Take(Lock, t.TempDir()); err == nil {
		t.Error("took the token of a directory")
	}
}

func TestKindText(t *testing.T) {
	for _, k := range []Kind{Lock, Soft, File} {
		text, err := k.MarshalText()
		var back Kind
		if err != nil || back.UnmarshalText(text) != nil || back != k {
			t.Errorf("%v: %q, %v", k, text, back)
		}
	}
	var k Kind
	if k.UnmarshalText([]byte("no")) == nil {
		t.Error("unknown kind accepted")
	}
}

func BenchmarkStale(b *testing.B) {
	dir := b.TempDir()
	r := &Record{ID: testID, Dir: dir, Layers: []Layer{{"l/A", dir}}}
	if err := os.WriteFile(dir+"/lock", make([]byte, 64), 0o600); err != nil {
		b.Fatal(err)
	}
	for i := range 16 {
		kind, name := File, "/etc/containers/storage.conf"
		if i < 2 {
			kind, name = Lock, dir+"/lock"
		}
		tok, err := Take(kind, name)
		if err != nil {
			b.Fatal(err)
		}
		r.Tokens = append(r.Tokens, tok)
	}
	for b.Loop() {
		if why := r.Stale(); why != "" {
			b.Fatal(why)
		}
	}
}
