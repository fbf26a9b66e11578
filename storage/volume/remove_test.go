package volume

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coracle/storage"
)

// container makes one that has mounted volumes.
func container(t *testing.T, s Store, p storage.Params, mounts ...Mount) *storage.Dir {
	t.Helper()
	fact, err := Claim{Mounts: mounts}.Fact()
	must(t, err)
	p.Facts = []storage.Fact{fact}
	d, err := s.containers().Create(p)
	must(t, err)
	t.Cleanup(func() { stop(d) })
	return d
}

func stop(d *storage.Dir) {
	if d.Lock != nil {
		d.Lock.Close()
		d.Lock = nil
	}
}

func names(t *testing.T, s Store) string {
	t.Helper()
	all, err := s.List()
	must(t, err)
	var list []string
	for _, v := range all {
		list = append(list, v.Name)
	}
	return strings.Join(list, " ")
}

func TestRemove(t *testing.T) {
	s := store(t)
	v := make1(t, s, Params{Name: "v"})
	d := container(t, s, storage.Params{Name: "user", Keep: true}, Mount{Type: "volume", Name: "v", Destination: "/d"}, Mount{Type: "bind", Source: "/x", Destination: "/x"})
	_, err := s.Remove(v, false)
	if want(t, err, ErrInUse); !strings.Contains(err.Error(), "used by user\n  fix: coracle rm user") {
		t.Error(err)
	}
	_, err = s.Remove(v, true) // it runs
	if want(t, err, ErrInUse); !strings.Contains(err.Error(), "coracle rm -f user") {
		t.Error(err)
	}
	stop(d)
	gone, err := s.Remove(v, true)
	if err != nil || len(gone) != 1 || gone[0].Name != "user" {
		t.Errorf("%v %v", gone, err)
	}
	if _, err := s.containers().Lookup("user"); err == nil {
		t.Error("the container is still there")
	}
	_, err = s.Get("v")
	want(t, err, ErrNotFound)
	_, err = s.Remove(v, false)
	want(t, err, ErrNotFound)
	must(t, s.containers().Reap(context.Background()))
	if left, _ := os.ReadDir(filepath.Join(s.Data, trashDir)); len(left) > 0 {
		t.Errorf("%v", left)
	}
}

func TestUsersAreFacts(t *testing.T) {
	s := store(t)
	d := container(t, s, storage.Params{Name: "live"}, Mount{Name: "v", Destination: "/d"}, Mount{Name: "v", Destination: "/e"})
	if users, err := s.Users(); err != nil || len(users["v"]) != 1 {
		t.Errorf("%v %v", users, err)
	}
	stop(d) // a throw-away container that ended
	if users, err := s.Users(); err != nil || len(users["v"]) != 0 {
		t.Errorf("%v %v", users, err)
	}
	// Not knowing is no reason to remove.
	kept := container(t, s, storage.Params{Name: "kept", Keep: true})
	must(t, os.WriteFile(filepath.Join(kept.Path, ClaimFact), []byte(`{"Version":9}`), 0o600))
	if _, err := s.Users(); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Error(err)
	}
	if _, err := s.RemoveUnused([]*Volume{make1(t, s, Params{Name: "v"})}); err == nil {
		t.Error("removed without knowing who uses it")
	}
}

func TestRemoveOwned(t *testing.T) {
	s := store(t)
	d := container(t, s, storage.Params{Keep: true})
	own := make1(t, s, Params{Anonymous: true, Owner: d.ID})
	shared := make1(t, s, Params{Anonymous: true, Owner: d.ID})
	foreign := make1(t, s, Params{Anonymous: true, Owner: strings.Repeat("f", 64)})
	make1(t, s, Params{Name: "named"})
	claim := Claim{Mounts: []Mount{
		{Name: own.Name, Anonymous: true}, {Name: shared.Name, Anonymous: true}, {Name: foreign.Name, Anonymous: true}, {Name: "named"}, {Name: "absent", Anonymous: true},
	}}
	container(t, s, storage.Params{Keep: true}, Mount{Name: shared.Name})
	must(t, s.RemoveOwned(d, claim))
	if _, err := s.Get(own.Name); err == nil {
		t.Error("its own is still there")
	}
	for _, name := range []string{shared.Name, foreign.Name, "named"} {
		if _, err := s.Get(name); err != nil {
			t.Error(err)
		}
	}
}

func TestSweep(t *testing.T) {
	s := store(t)
	ctx := context.Background()
	d := container(t, s, storage.Params{})
	heir := container(t, s, storage.Params{})
	live := make1(t, s, Params{Anonymous: true, Throwaway: true, Owner: d.ID})
	orphan := make1(t, s, Params{Anonymous: true, Throwaway: true, Owner: strings.Repeat("0", 64)})
	used := make1(t, s, Params{Anonymous: true, Throwaway: true, Owner: strings.Repeat("0", 64)})
	fact, err := Claim{Mounts: []Mount{{Name: used.Name}}}.Fact()
	must(t, err)
	must(t, heir.WriteFact(fact.Name, fact.Data))
	make1(t, s, Params{Name: "named"})
	hidden := []string{namedDir + "/.new-1", namedDir + "/.gone-2", scratchDir + "/.new-3"}
	for _, h := range hidden {
		must(t, os.MkdirAll(filepath.Join(s.Data, h, dataDir), 0o700))
	}
	left, err := s.Leftovers()
	if err != nil || len(left) != 1+1+len(hidden) {
		t.Errorf("%v %v", left, err)
	}
	hold, err := s.Hold() // somebody may be making one
	must(t, err)
	must(t, s.sweepHidden(ctx, namedDir))
	if _, err := os.Lstat(filepath.Join(s.Data, hidden[0])); err != nil {
		t.Error("swept under the hands of its maker")
	}
	hold.Close()
	must(t, s.Sweep(ctx))
	for _, h := range hidden {
		if _, err := os.Lstat(filepath.Join(s.Data, h)); err == nil {
			t.Errorf("%s is still there", h)
		}
	}
	if _, err := s.Get(orphan.Name); err == nil {
		t.Error("the orphan is still there")
	}
	for _, v := range []*Volume{live, used} {
		if _, err := s.Get(v.Name); err != nil {
			t.Error(err)
		}
	}
	stop(d)
	stop(heir)
	must(t, s.Sweep(ctx))
	if got := names(t, s); got != "named" {
		t.Error(got)
	}
}

// A remover sees the claim, or the launch sees that the volume is gone.
func TestRemoverAndLaunchSeeEachOther(t *testing.T) {
	for range 50 {
		s := store(t)
		v := make1(t, s, Params{Name: "v"})
		removed := make(chan bool)
		go func() {
			_, err := s.Remove(v, false)
			removed <- err == nil
		}()
		container(t, s, storage.Params{Keep: true}, Mount{Name: "v"})
		hold, err := s.Hold()
		must(t, err)
		_, err = s.Get("v")
		hold.Close()
		if gone := <-removed; gone == (err == nil) {
			t.Fatalf("removed: %v; the launch found it: %v", gone, err)
		}
	}
}

func FuzzClaim(f *testing.F) {
	fact, _ := Claim{Mounts: []Mount{{Type: "volume", Name: "v", Destination: "/d", Options: []string{"ro"}}}}.Fact()
	f.Add(fact.Data)
	f.Add([]byte("{}"))
	d := &storage.Dir{ID: strings.Repeat("a", 64), Path: f.TempDir()}
	f.Fuzz(func(t *testing.T, b []byte) {
		must(t, os.WriteFile(filepath.Join(d.Path, ClaimFact), b, 0o600))
		if c, err := ReadClaim(d); err == nil && c.Version != claimVersion {
			t.Errorf("%q", b)
		}
	})
}
