package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func containers(t testing.TB) Containers {
	return Containers{Data: filepath.Join(t.TempDir(), "data", "coracle")}
}

func create(t testing.TB, c Containers, p Params) *Dir {
	t.Helper()
	d, err := c.Create(p)
	must(t, err)
	t.Cleanup(d.release)
	return d
}

func TestCreate(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	c := containers(t)
	for _, keep := range []bool{true, false} {
		d := create(t, c, Params{Keep: keep, Facts: []Fact{{"intent", []byte("x")}}})
		want := map[string]fs.FileMode{
			"": fs.ModeDir | 0o700, "lock": 0o600, "upper": fs.ModeDir | 0o755, "intent": 0o600,
		}
		for name, mode := range want {
			info, err := os.Lstat(filepath.Join(d.Path, name))
			if err != nil || info.Mode() != mode {
				t.Errorf("keep %v: %q: %v, %v; want %v", keep, name, info.Mode(), err, mode)
			}
		}
		if !ValidID(d.ID) || CheckName(d.Name) != nil || d.Lock == nil {
			t.Errorf("%+v", d)
		}
		if data, err := d.ReadFact("intent"); string(data) != "x" || err != nil {
			t.Errorf("%q, %v", data, err)
		}
		for _, dir := range []string{d.Work(), d.Root()} {
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("%s: %v, %v", dir, entries, err)
			}
		}
		must(t, d.Sync())
	}
}

func TestCreateRefuses(t *testing.T) {
	c := containers(t)
	first := create(t, c, Params{Name: "web", Keep: true})
	for want, p := range map[error]Params{
		ErrBadName:     {Name: "../x"},
		ErrNameInUse:   {Name: "web"},
		ErrBadFact:     {Facts: []Fact{{"lock", nil}}},
		ErrTooLarge:    {Facts: []Fact{{"big", make([]byte, MaxFact+1)}}},
		unix.ENOTEMPTY: {ID: first.ID, Keep: true},
	} {
		if _, err := c.Create(p); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", p, err, want)
		}
	}
	if _, err := c.Create(Params{ID: "../../x"}); err == nil {
		t.Error("a path is taken for an id")
	}
	for _, parent := range []string{scratchDir, keptDir} {
		left, err := readDir(filepath.Join(c.Data, parent))
		if err != nil || len(left) != map[string]int{keptDir: 1}[parent] {
			t.Errorf("left in %s: %v, %v", parent, left, err)
		}
	}
}

func TestAliveIsTheLock(t *testing.T) {
	c := containers(t)
	d := create(t, c, Params{Keep: true})
	alive := func(want bool) {
		t.Helper()
		if got, err := d.Alive(); got != want || err != nil {
			t.Errorf("alive %v, %v; want %v", got, err, want)
		}
	}
	alive(true)
	if err := (&Dir{ID: d.ID, Path: d.Path}).Acquire(); !errors.Is(err, ErrRunning) {
		t.Errorf("acquired twice: %v", err)
	}
	// The supervisor inherits the descriptor; the caller closes its own.
	supervisor := exec.Command("sleep", "1000")
	supervisor.ExtraFiles = []*os.File{d.Lock}
	must(t, supervisor.Start())
	d.release()
	alive(true)
	must(t, supervisor.Process.Kill())
	supervisor.Wait()
	alive(false)
	must(t, d.Acquire())
	alive(true)
	d.release()
	must(t, os.RemoveAll(d.Path))
	alive(false)
	if err := d.Acquire(); !errors.Is(err, ErrNoContainer) {
		t.Errorf("acquired what is gone: %v", err)
	}
}

// Whoever only looks must not stand in the way of one who starts.
func TestLookingTakesNothing(t *testing.T) {
	d := create(t, containers(t), Params{Keep: true})
	d.release()
	f, err := openLock(filepath.Join(d.Path, lockFile), false)
	must(t, err)
	defer f.Close()
	if held, err := locked(f); held || err != nil {
		t.Fatal(held, err)
	}
	must(t, d.Acquire())
	d.release()
	// A sweeper that makes sure of a death is no life.
	if free, err := tryLock(f, unix.F_RDLCK); !free || err != nil {
		t.Fatal(free, err)
	}
	if alive, err := d.Alive(); alive || err != nil {
		t.Error(alive, err)
	}
	if err := d.Acquire(); !errors.Is(err, ErrRunning) {
		t.Error("started while it is being swept:", err)
	}
}

func TestLookup(t *testing.T) {
	c := containers(t)
	id := func(s string) string { return s + strings.Repeat("0", idLength-len(s)) }
	one := create(t, c, Params{ID: id("aa1"), Name: "one", Keep: true})
	two := create(t, c, Params{ID: id("aa2"), Name: "two"})
	named := create(t, c, Params{ID: id("bb1"), Name: "aa", Keep: true})
	dead := create(t, c, Params{ID: id("cc1"), Name: "dead"})
	dead.release()
	one.release() // stopped, but kept
	for ref, want := range map[string]*Dir{
		"one": one, "two": two, "aa": named, one.ID: one, two.ID: two, "aa1": one, "aa2": two, "b": named, id("aa1")[:63]: one,
	} {
		d, err := c.Lookup(ref)
		if err != nil || d.ID != want.ID || d.Path != want.Path || d.Name != want.Name || d.Keep != want.Keep {
			t.Errorf("%s: %+v, %v", ref, d, err)
		}
	}
	for ref, want := range map[string]error{
		"a": ErrAmbiguous, "": ErrNoContainer, "nobody": ErrNoContainer, "dead": ErrNoContainer, "cc": ErrNoContainer,
		dead.ID: ErrNoContainer, "..": ErrNoContainer, ".lock": ErrNoContainer, "../names/one": ErrNoContainer,
		id("ff"): ErrNoContainer, strings.Repeat("a", 5000): ErrNoContainer, "a/b": ErrNoContainer,
	} {
		if d, err := c.Lookup(ref); !errors.Is(err, want) {
			t.Errorf("%.70s: %+v, %v; want %v", ref, d, err, want)
		}
	}
	all, err := c.List()
	names := map[string]bool{}
	for _, d := range all {
		names[d.Name] = true
	}
	if err != nil || len(all) != 3 || !names["one"] || !names["two"] || !names["aa"] {
		t.Errorf("list: %v, %v", names, err)
	}
	if all, err := (Containers{Data: "/nonexistent"}).List(); len(all) != 0 || err != nil {
		t.Errorf("before the first container: %v, %v", all, err)
	}
}

// A name whose container is gone, or whose record is garbage, is free.
func TestNamesAreReclaimed(t *testing.T) {
	c := containers(t)
	crashed := create(t, c, Params{Name: "crashed"})
	crashed.release()
	removed := create(t, c, Params{Name: "removed", Keep: true})
	removed.release()
	must(t, os.RemoveAll(removed.Path))
	must(t, os.WriteFile(c.nameLink("file"), []byte("123"), 0o600))
	must(t, os.MkdirAll(c.nameLink("dir")+"/x", 0o700))
	victim := t.TempDir()
	must(t, os.WriteFile(victim+"/f", nil, 0o600))
	for name, target := range map[string]string{
		"nowhere": "nowhere", "outside": victim, "host": victim + "/f",
	} {
		must(t, os.Symlink(target, c.nameLink(name)))
	}
	for _, name := range []string{"crashed", "removed", "file", "dir", "nowhere", "outside", "host"} {
		d := create(t, c, Params{Name: name})
		if found, err := c.Lookup(name); err != nil || found.ID != d.ID {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if _, err := os.Stat(victim + "/f"); err != nil {
		t.Error("reclaiming followed a link:", err)
	}
}

// Many at once: one gets the name, and everybody else is told so.
func TestOneWinsTheName(t *testing.T) {
	for range 10 {
		oneWins(t, containers(t))
	}
}

func oneWins(t *testing.T, c Containers) {
	stale := create(t, c, Params{Name: "only"})
	stale.release()
	var winners []*Dir
	var mutex sync.Mutex
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			d, err := c.Create(Params{Name: "only"})
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil {
				winners = append(winners, d)
			} else if !errors.Is(err, ErrNameInUse) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(winners) != 1 {
		t.Errorf("%d containers have the name", len(winners))
	}
}

func TestFacts(t *testing.T) {
	d := create(t, containers(t), Params{Keep: true})
	for range 2 {
		must(t, d.WriteFact("spec", []byte("{}")))
	}
	if data, err := d.ReadFact("spec"); string(data) != "{}" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	for _, name := range []string{"", "lock", "upper", "work", ".x", "..", "a/b", "/etc/passwd", "a\x00", strings.Repeat("x", 101)} {
		_, err := d.ReadFact(name)
		for _, err := range []error{err, d.WriteFact(name, nil), d.RemoveFact(name)} {
			if !errors.Is(err, ErrBadFact) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	must(t, unix.Mkfifo(filepath.Join(d.Path, "pipe"), 0o600))
	must(t, os.Symlink("/etc/passwd", filepath.Join(d.Path, "link")))
	must(t, os.WriteFile(filepath.Join(d.Path, "big"), bytes.Repeat([]byte("x"), MaxFact+1), 0o600))
	for name, want := range map[string]error{
		"none": fs.ErrNotExist, "pipe": ErrNotRegular, "link": unix.ELOOP, "big": ErrTooLarge,
	} {
		if _, err := d.ReadFact(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	must(t, d.RemoveFact("spec"))
	must(t, d.RemoveFact("spec"))
	entries, err := os.ReadDir(d.Path)
	must(t, err)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			t.Errorf("left behind: %s", entry.Name())
		}
	}
}

// Creators, removers and sweepers at once: no live container is ever swept, and
// none is left in the end.
func TestCreateAgainstReap(t *testing.T) {
	c := containers(t)
	ctx, stop := context.WithCancel(context.Background())
	var reapers, makers sync.WaitGroup
	for range 2 {
		reapers.Go(func() {
			for ctx.Err() == nil {
				if err := c.Reap(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for maker := range 4 {
		makers.Go(func() {
			for i := range 60 {
				d, err := c.Create(Params{Name: fmt.Sprintf("m%d-%d", maker, i%3), Keep: i%2 == 0, Facts: []Fact{{"intent", nil}}})
				if err != nil {
					t.Error(err)
					return
				}
				for _, path := range []string{d.Upper(), d.Work(), d.Root(), filepath.Join(d.Path, "intent")} {
					if _, err := os.Lstat(path); err != nil {
						t.Errorf("a live container was swept: %v", err)
					}
				}
				if found, err := c.Lookup(d.Name); err != nil || found.ID != d.ID {
					t.Errorf("live, but not found: %v", err)
				}
				if d.Keep || i%3 == 0 {
					if err := c.Trash(d); err != nil {
						t.Error(err)
					}
				}
				d.release()
			}
		})
	}
	makers.Wait()
	stop()
	reapers.Wait()
	must(t, c.Reap(context.Background()))
	for _, dir := range []string{keptDir, scratchDir, trashDir} {
		if left, err := readDir(filepath.Join(c.Data, dir)); len(left) != 0 || err != nil {
			t.Errorf("left in %s: %v, %v", dir, left, err)
		}
	}
	if left, _ := readDir(filepath.Join(c.Data, namesDir)); len(left) != 0 {
		t.Errorf("names left: %v", left)
	}
}

// Start is flat in the number of containers: nothing on the way of creating one
// reads a directory. Reading one is an access event of inotify(7).
func TestCreateListsNothing(t *testing.T) {
	c := containers(t)
	must(t, c.makeParents())
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(t, err)
	defer unix.Close(watch)
	for _, dir := range []string{keptDir, scratchDir, namesDir, trashDir, mountDir, ""} {
		_, err := unix.InotifyAddWatch(watch, filepath.Join(c.Data, dir), unix.IN_ACCESS|unix.IN_ONLYDIR)
		must(t, err)
	}
	listed := func() bool {
		n, err := unix.Read(watch, make([]byte, 4096))
		return n > 0 && err == nil
	}
	create(t, c, Params{Name: "x"})
	create(t, c, Params{Keep: true})
	if listed() {
		t.Error("a directory was read")
	}
	if _, err := c.List(); err != nil || !listed() {
		t.Errorf("the test sees no listing: %v", err)
	}
}

func FuzzEntry(f *testing.F) {
	d := Dir{ID: strings.Repeat("a", idLength), Name: "web", Keep: true}
	f.Add(d.entry())
	f.Add([]byte("v1 scratch  web\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, ok := parseEntry(data)
		if ok && (!bytes.HasPrefix(data, d.entry()) || !ValidID(d.ID) || CheckName(d.Name) != nil) {
			t.Errorf("%q is read as %+v", data, d)
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	c := containers(b)
	for b.Loop() {
		d, err := c.Create(Params{})
		must(b, err)
		d.release()
	}
}
