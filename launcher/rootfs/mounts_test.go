package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/containers"
	"coracle/storage"
)

func TestParseMounts(t *testing.T) {
	id, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	m := Mounts{Run: "/run/user/1000/my run"}
	text := "1 0 0:1 / / rw - ext4 a b\n" +
		"2 1 0:2 / /run/user/1000/my\\040run/mnt/" + id + " rw - overlay overlay rw\n" +
		"3 1 0:2 / /run/user/1000/mnt/" + other + " rw - overlay overlay rw\n" + // not ours
		"4 1 0:2 / /run/user/1000/my\\040run/mnt/notanid rw - overlay overlay rw\n" +
		"5 2 0:2 / /run/user/1000/my\\040run/mnt/" + id + "/below rw - tmpfs x rw\n" +
		"short line\n"
	got, err := m.parse(strings.NewReader(text))
	if err != nil || len(got) != 1 || got[0].ID != id || got[0].Path != "/run/user/1000/my run/mnt/"+id {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("1 2 0:1 / /r/mnt/" + strings.Repeat("ab", 32) + " rw - x y z\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := Mounts{Run: "/r"}.parse(strings.NewReader(text))
		for _, m := range got {
			if !storage.ValidID(m.ID) || m.Path != "/r/mnt/"+m.ID {
				t.Errorf("%+v", m)
			}
		}
	})
}

func TestUnmountWhatIsNotMounted(t *testing.T) {
	m := Mounts{Run: t.TempDir(), Opener: &Opener{Set: containers.Set{Containers: storage.Containers{Data: t.TempDir()}}}}
	if _, err := m.Unmount(strings.Repeat("ab", 32), false); !errors.Is(err, ErrNotMounted) {
		t.Error(err)
	}
	if _, err := m.Unmount("nobody", false); !errors.Is(err, storage.ErrNoContainer) {
		t.Error(err)
	}
}

func TestIsVolume(t *testing.T) {
	for _, tt := range []struct {
		m    specs.Mount
		want bool
	}{
		{specs.Mount{Destination: "/data", Type: "bind", Source: "/home/x"}, true},
		{specs.Mount{Destination: "/data", Type: "overlay", Source: "/home/x"}, true},
		{specs.Mount{Destination: "/data", Type: "tmpfs", Source: "tmpfs"}, false},
		{specs.Mount{Destination: "/dev/shm", Type: "bind", Source: "/x"}, false},
		{specs.Mount{Destination: "/development", Type: "bind", Source: "/x"}, true},
		{specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc"}, false},
	} {
		if got := IsVolume(tt.m); got != tt.want {
			t.Errorf("%+v: %v", tt.m, got)
		}
	}
}

// Records decide nothing but what is opened with the rights that there are anyway,
// and damaged ones are errors.
func TestDamagedRecords(t *testing.T) {
	data := t.TempDir()
	c := storage.Containers{Data: data}
	d, err := c.Create(storage.Params{Name: "bad", Keep: true, Facts: []storage.Fact{
		{Name: containers.IntentFact, Data: []byte("{")}, {Name: containers.SpecFact, Data: []byte("[]")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.Lock.Close()
	o := &Opener{Set: containers.Set{Containers: c}}
	if _, err := o.Open(t.Context(), "bad", Bare); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("open: %v", err)
	}
	if _, err := o.Changes(t.Context(), "bad"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("changes: %v", err)
	}
	found, err := o.Set.Find("bad")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := found.Spec(); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("spec: %v", err)
	}
	if err := os.Remove(filepath.Join(d.Path, containers.SpecFact)); err != nil {
		t.Fatal(err)
	}
	if _, err := found.Spec(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no spec: %v", err)
	}
	if _, err := o.Open(t.Context(), "nobody", Bare); !errors.Is(err, storage.ErrNoContainer) {
		t.Errorf("unknown: %v", err)
	}
}
