package volume

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coracle/storage"
)

func store(t testing.TB) Store { return Store{Data: t.TempDir()} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func make1(t testing.TB, s Store, p Params) *Volume {
	t.Helper()
	v, err := s.Create(p)
	must(t, err)
	return v
}

func want(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v is not %v", err, kind)
	}
}

func TestCreate(t *testing.T) {
	s := store(t)
	made := make1(t, s, Params{Name: "data", Labels: map[string]string{"a": "b"}})
	got, err := s.Get("data")
	must(t, err)
	if got.Labels["a"] != "b" || got.Created != made.Created || !got.NeedsChown || !got.NeedsCopyUp || got.Anonymous || got.Throwaway {
		t.Errorf("%+v", got)
	}
	if fi, err := os.Stat(got.Mountpoint()); err != nil || fi.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", fi, err)
	}
	if fi, err := os.Stat(got.path); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", fi, err)
	}
	if filepath.Join(s.Data, got.Beneath()) != got.Mountpoint() {
		t.Error(got.Beneath())
	}
	_, err = s.Create(Params{Name: "data"})
	want(t, err, ErrExists)
	unnamed := make1(t, s, Params{Anonymous: true, Throwaway: true})
	if !storage.ValidID(unnamed.Name) || !strings.Contains(unnamed.path, "/scratch-volumes/") {
		t.Errorf("%+v", unnamed)
	}
	if again, err := s.Get(unnamed.Name); err != nil || !again.Throwaway || !again.Anonymous {
		t.Errorf("%+v %v", again, err)
	}
	for _, name := range []string{"..", ".x", "a/b", "-a", "a b", strings.Repeat("a", 256), "ä", "a\x00"} {
		_, err := s.Create(Params{Name: name})
		want(t, err, ErrBadName)
		_, err = s.Get(name)
		want(t, err, ErrBadName)
	}
	_, err = s.Create(Params{Name: "x", Options: map[string]string{"type": "nfs"}})
	want(t, err, ErrOption)
	if left, err := s.Leftovers(); err != nil || len(left) != 1 { // the unnamed one has no container
		t.Errorf("%v %v", left, err)
	}
}

func TestOpenMakesOnce(t *testing.T) {
	s := store(t)
	hold, err := s.Hold()
	must(t, err)
	defer hold.Close()
	const n = 8
	made := make(chan *Volume, n)
	for range n {
		go func() {
			v, err := s.Open(Params{Name: "one"})
			if err != nil {
				t.Error(err)
			}
			made <- v
		}()
	}
	created := (<-made).Created
	for range n - 1 {
		if v := <-made; v.Created != created {
			t.Error("made twice")
		}
	}
	if v, err := s.Imagine(Params{Name: "two", Throwaway: true}); err != nil || !strings.HasSuffix(v.Mountpoint(), "/scratch-volumes/two/_data") {
		t.Errorf("%+v %v", v, err)
	}
	_, err = s.Get("two")
	want(t, err, ErrNotFound)
}

func TestFind(t *testing.T) {
	s := store(t)
	a, b := strings.Repeat("a", 63)+"1", strings.Repeat("a", 63)+"2"
	make1(t, s, Params{Name: a})
	make1(t, s, Params{Name: b, Throwaway: true})
	make1(t, s, Params{Name: "aaaa"})
	for ref, name := range map[string]string{a: a, b: b, "aaaa": "aaaa"} {
		if v, err := s.Find(ref); err != nil || v.Name != name {
			t.Errorf("%s: %v %v", ref, v, err)
		}
	}
	_, err := s.Find("aaa")
	want(t, err, ErrAmbiguous)
	_, err = s.Find("aa")
	want(t, err, ErrNotFound)
	_, err = s.Find("bbb")
	want(t, err, ErrNotFound)
	all, err := s.List()
	if err != nil || len(all) != 3 || all[0].Name != "aaaa" || all[2].Name != b {
		t.Errorf("%v %v", all, err)
	}
}

func TestWhatIsNoVolume(t *testing.T) {
	s := store(t)
	if all, err := s.List(); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	v := make1(t, s, Params{Name: "real"})
	must(t, os.Symlink(v.path, filepath.Join(s.Data, namedDir, "link")))
	must(t, os.WriteFile(filepath.Join(s.Data, namedDir, "file"), nil, 0o600))
	for _, name := range []string{"link", "file", "absent"} {
		_, err := s.Get(name)
		want(t, err, ErrNotFound)
	}
	for what, text := range map[string]string{"empty": "", "json": "{", "version": `{"Version":2}`, "option": `{"Version":1,"Options":{"type":"nfs"}}`} {
		must(t, os.WriteFile(filepath.Join(v.path, recordFile), []byte(text), 0o600))
		_, err := s.Get("real")
		if want(t, err, ErrDamaged); t.Failed() {
			t.Fatal(what)
		}
		if v, err := s.Find("real"); err != nil || v.Err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, os.Remove(filepath.Join(v.path, recordFile)))
	must(t, os.Symlink("/dev/zero", filepath.Join(v.path, recordFile)))
	_, err := s.Get("real")
	want(t, err, ErrDamaged)
}

// A container with the user's home could put a link where a volume's directory
// is.
func TestOpenDirFollowsNoLink(t *testing.T) {
	s := store(t)
	v := make1(t, s, Params{Name: "v"})
	elsewhere := t.TempDir()
	must(t, os.Rename(v.path, v.path+"2"))
	must(t, os.Symlink(elsewhere, v.path))
	if fd, err := s.OpenDir(v); err == nil {
		t.Errorf("opened %d through a link", fd)
	}
	must(t, os.Remove(v.path))
	must(t, os.Rename(v.path+"2", v.path))
	must(t, os.Remove(v.Mountpoint()))
	must(t, os.Symlink(elsewhere, v.Mountpoint()))
	if fd, err := s.OpenData(v); err == nil {
		t.Errorf("opened %d through a link", fd)
	}
}

func FuzzRecord(f *testing.F) {
	for _, s := range []string{"", "{}", `{"Version":1,"Created":"2026-01-01T00:00:00Z","Labels":{"a":"b"},"Options":{"type":"tmpfs","o":"size=1m"},"NeedsCopyUp":true}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		text, err := r.encode()
		if err != nil {
			return
		}
		if again, err := decodeRecord(text); err != nil || again.NeedsCopyUp != r.NeedsCopyUp || len(again.Labels) != len(r.Labels) {
			t.Errorf("%s: %v", text, err)
		}
	})
}
