package launcher

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/storage/volume"
	"coracle/userns"
)

// volumeLaunch is a launch with the given mounts, in a directory of its own.
func volumeLaunch(t *testing.T, mounts ...specs.Mount) (*launch, *storage.Dir) {
	t.Helper()
	l := &launch{
		options: &intent.Options{}, paths: storage.Paths{Data: t.TempDir()}, maps: userns.Maps{Host: true},
		spec: &specs.Spec{Process: &specs.Process{}, Mounts: mounts}, extras: &intent.Extras{},
	}
	l.mounted = mounted{places: map[string]*plan.Volume{}, views: map[string]*storage.View{}, imageIDs: map[string]string{}}
	for _, m := range mounts {
		l.extras.Asked = append(l.extras.Asked, m.Destination)
	}
	d, err := storage.Containers{Data: l.paths.Data}.Create(storage.Params{Keep: true, Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Lock.Close() })
	return l, d
}

func TestClaim(t *testing.T) {
	l, d := volumeLaunch(t,
		specs.Mount{Type: "bind", Source: "volume:", Destination: "/anon"},
		specs.Mount{Type: "overlay", Source: "volume:named", Destination: "/over"},
		specs.Mount{Type: "overlay", Source: "image:debian", Destination: "/img", Options: []string{"ro"}},
		specs.Mount{Type: "bind", Source: "/src", Destination: "/src"},
		specs.Mount{Type: "devpts", Source: "devpts", Destination: "/pts"},
	)
	l.extras.Volumes = []intent.VolumeUse{{Destination: "/anon"}, {Name: "named", Destination: "/over"}}
	l.extras.Images = []intent.ImageMount{{Image: "debian", Destination: "/img", Subpath: "etc"}}
	l.extras.From = map[string]string{"/src": "other"}
	l.imageIDs["/img"] = "abc"
	if err := l.nameVolumes(); err != nil {
		t.Fatal(err)
	}
	anon := l.extras.Volumes[0].Name
	if err := l.claim(d); err != nil {
		t.Fatal(err)
	}
	got, err := volume.ReadClaim(d)
	if err != nil || len(got.Mounts) != 4 {
		t.Fatalf("%+v %v", got, err)
	}
	for i, want := range []volume.Mount{
		{Type: "volume", Name: anon, Anonymous: true, Destination: "/anon"},
		{Type: "overlay", Name: "named", Destination: "/over"},
		{Type: "image", Source: "debian", ImageID: "abc", Subpath: "etc", Destination: "/img"},
		{Type: "bind", Source: "/src", Destination: "/src", From: "other"},
	} {
		m := got.Mounts[i]
		m.Options = nil
		if m.Type != want.Type || m.Name != want.Name || m.Anonymous != want.Anonymous || m.Source != want.Source || m.ImageID != want.ImageID ||
			m.Subpath != want.Subpath || m.Destination != want.Destination || m.From != want.From {
			t.Errorf("%+v, want %+v", m, want)
		}
	}
	// Started again it has the same anonymous volume, and what came from another.
	restarted, _ := volumeLaunch(t, specs.Mount{Type: "bind", Source: "volume:", Destination: "/anon"})
	restarted.again = &again{dir: d}
	restarted.extras.Volumes = []intent.VolumeUse{{Destination: "/anon"}}
	if err := restarted.nameVolumes(); err != nil || restarted.extras.Volumes[0].Name != anon || restarted.mountAt("/anon").Source != "volume:"+anon {
		t.Errorf("%+v %v", restarted.extras.Volumes, err)
	}
	if from, err := restarted.mountsOf("other"); err != nil || len(from) != 1 || from[0].Destination != "/src" {
		t.Errorf("%+v %v", from, err)
	}
	if id := restarted.mountedBefore(intent.ImageMount{Image: "debian", Destination: "/img"}); id != "abc" {
		t.Error(id)
	}
}

func TestLocalMounts(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		options map[string]string
		had     []string
		want    string
	}{
		{map[string]string{"type": "tmpfs", "o": "size=1m,uid=5,nodev"}, []string{"rbind", "rprivate", "rro"}, "tmpfs tmpfs rprivate nodev ro size=1m uid=5"},
		{map[string]string{"o": "bind,ro", "device": dir}, []string{"rbind", "rprivate"}, "bind " + dir + " rbind rprivate ro"},
		{map[string]string{"o": "bind", "device": dir + "/none"}, nil, "not a directory"},
	} {
		l, d := volumeLaunch(t, specs.Mount{Type: "bind", Source: "volume:v", Destination: "/v", Options: c.had})
		s := volume.Store{Data: l.paths.Data}
		v, err := s.Create(volume.Params{Name: "v", Options: c.options})
		if err != nil {
			t.Fatal(err)
		}
		err = l.useVolume(s, d, nil, &intent.VolumeUse{Name: "v", Destination: "/v"}, v)
		m := l.mountAt("/v")
		got := m.Type + " " + m.Source + " " + strings.Join(m.Options, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%v: %s, want %s", c.options, got, c.want)
		}
		if err := l.useVolume(s, d, nil, &intent.VolumeUse{Name: "v", Destination: "/v", Subpath: "x"}, v); err == nil {
			t.Error("a part of it is mounted")
		}
	}
}

func TestTmpfsVolumeIsNotShared(t *testing.T) {
	l, d := volumeLaunch(t)
	s := volume.Store{Data: l.paths.Data}
	v, err := s.Create(volume.Params{Name: "v", Options: map[string]string{"type": "tmpfs"}})
	if err != nil {
		t.Fatal(err)
	}
	fact, _ := volume.Claim{Mounts: []volume.Mount{{Name: "v"}}}.Fact()
	other, err := storage.Containers{Data: l.paths.Data}.Create(storage.Params{Name: "other", Facts: []storage.Fact{fact}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.alone(s, d, v); !errors.Is(err, volume.ErrInUse) || !strings.Contains(err.Error(), "other") {
		t.Error(err)
	}
	other.Lock.Close()
	if err := l.alone(s, d, v); err != nil {
		t.Error(err)
	}
}

// What cannot be looked at is masked rather than left out.
func TestKindInVolume(t *testing.T) {
	l, _ := volumeLaunch(t, specs.Mount{Type: "bind", Destination: "/v"}, specs.Mount{Type: "overlay", Source: "image:x", Destination: "/i"}, specs.Mount{Type: "bind", Source: "/", Destination: "/b"})
	dir := t.TempDir()
	l.mountAt("/v").Source = dir
	l.places["/v"], l.places["/i"] = &plan.Volume{}, &plan.Volume{Sub: "sub"}
	for _, name := range []string{"d", "closed", "sub"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "sub/file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.views["/i"] = storage.NewView([]string{dir})
	defer l.closeViews()
	for path, want := range map[string][3]bool{
		"/v/d": {true, true, true}, "/v/sub/file": {true, false, true}, "/v/none": {false, false, true}, "/v/sub/file/x": {false, false, true},
		"/i/file": {true, false, true}, "/i/none": {false, false, true}, "/i": {true, true, true}, "/b/etc": {false, false, false},
	} {
		exists, isDir, known := l.kindInVolume(l.mountAt(path[:2]), path)
		if got := [3]bool{exists, isDir, known}; got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

func TestBaseIDs(t *testing.T) {
	l := &launch{maps: userns.Maps{UIDs: userns.IDMap{{Inside: 1000, Outside: 0, Size: 1}}, GIDs: userns.IDMap{{Inside: 0, Outside: 1, Size: 2000}}}}
	if uid, gid, err := l.baseIDs(1000, 5); err != nil || uid != 0 || gid != 6 {
		t.Error(uid, gid, err)
	}
	if _, _, err := l.baseIDs(33, 5); err == nil {
		t.Error("a user who does not exist owns something")
	}
	l.maps = userns.Maps{Host: true}
	if uid, gid, err := l.baseIDs(33, 5); err != nil || uid != 33 || gid != 5 {
		t.Error(uid, gid, err)
	}
}
