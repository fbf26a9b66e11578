package intent

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"coracle/storage/volume"
)

func TestVolumeUses(t *testing.T) {
	for _, c := range []struct {
		flag, want string
		use        VolumeUse
	}{
		{"-v vol:/d", "bind volume:vol /d rbind,rprivate", VolumeUse{Name: "vol", Destination: "/d"}},
		{"-v vol:/d:ro,nocopy,z", "bind volume:vol /d rbind,rprivate,rro", VolumeUse{Name: "vol", Destination: "/d", NoCopy: true}},
		{"-v vol:/d:noexec,nosuid,nodev,rslave", "bind volume:vol /d rbind,rslave,noexec,nosuid,nodev", VolumeUse{Name: "vol", Destination: "/d"}},
		{"-v vol:/d:exec,copy", "bind volume:vol /d rbind,rprivate", VolumeUse{Name: "vol", Destination: "/d"}},
		{"-v vol:/d:O", "overlay volume:vol /d nosuid,nodev", VolumeUse{Name: "vol", Destination: "/d"}},
		{"-v /d", "bind volume: /d rbind,rprivate", VolumeUse{Destination: "/d"}},
		{"-v /dev/pts", "bind volume: /dev/pts rbind,rprivate", VolumeUse{Destination: "/dev/pts"}},
		{"--mount dst=/d", "bind volume: /d rbind,rprivate", VolumeUse{Destination: "/d"}},
		{"--mount type=volume,source=vol,target=/d,readonly,volume-nocopy,volume-label=a=b=c,volume-label=e,volume-opt=o=uid=3",
			"bind volume:vol /d rbind,rprivate,rro", VolumeUse{Name: "vol", Destination: "/d", NoCopy: true,
				Labels: map[string]string{"a": "b=c", "e": ""}, Options: map[string]string{"o": "uid=3"}}},
		{"--mount src=vol,dst=/d,volume-subpath=/a//b/,nocreate,volume-driver=local", "bind volume:vol /d rbind,rprivate",
			VolumeUse{Name: "vol", Destination: "/d", Subpath: "a/b", MustExist: true}},
	} {
		s, e := mustBuild(t, ask(func(o *Options) {
			if flag, value, _ := strings.Cut(c.flag, " "); flag == "-v" {
				o.Volume = []string{value}
			} else {
				o.Mount = []string{value}
			}
		}))
		if got := mountLine(mountAt(s, c.use.Destination)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.flag, got, c.want)
		}
		if !reflect.DeepEqual(e.Volumes, []VolumeUse{c.use}) {
			t.Errorf("%s: %+v", c.flag, e.Volumes)
		}
		if strings.HasPrefix(c.want, "overlay") != slices.Contains(e.Overlays, "/d") {
			t.Errorf("%s: overlays %v", c.flag, e.Overlays)
		}
		equal(t, "asked", e.Asked, []string{c.use.Destination})
	}
}

func TestChownIsNoted(t *testing.T) {
	_, e := mustBuild(t, ask(func(o *Options) {
		o.Volume, o.Mount = []string{"vol:/v:U", "/src:/s:U"}, []string{"type=bind,src=/src,dst=/t,chown=true", "src=w,dst=/w,U=false"}
	}))
	equal(t, "chown", e.Chown, []string{"/v", "/s", "/t"})
}

func TestOverlayWithDirectoriesOfItsOwn(t *testing.T) {
	in := ask(func(o *Options) { o.Volume = []string{"/src:/d:O,upperdir=/u,workdir=/w/.", "/src:/e:O"} })
	in.Host = fakeHost("/u", "/w")
	s, e := mustBuild(t, in)
	if got := mountLine(mountAt(s, "/d")); got != "overlay /src /d nosuid,nodev,lowerdir=/src,upperdir=/u,workdir=/w" {
		t.Error(got)
	}
	equal(t, "overlays", e.Overlays, []string{"/e"})
}

func TestImageMounts(t *testing.T) {
	s, e := mustBuild(t, ask(func(o *Options) {
		o.Mount = []string{"type=image,src=debian:12,dst=/a", "type=image,source=x,target=/b,rw=true,noexec", "type=image,src=y,dst=/etc/motd,subpath=file,readwrite=false"}
	}))
	for dst, want := range map[string]string{
		"/a": "overlay image:debian:12 /a nosuid,nodev,ro", "/b": "overlay image:x /b nosuid,nodev,noexec", "/etc/motd": "overlay image:y /etc/motd nosuid,nodev,ro",
	} {
		if got := mountLine(mountAt(s, dst)); got != want {
			t.Errorf("%s: %s", dst, got)
		}
	}
	want := []ImageMount{{"debian:12", "/a", "", false}, {"x", "/b", "", true}, {"y", "/etc/motd", "file", false}}
	equal(t, "images", e.Images, want)
}

func TestImageVolumes(t *testing.T) {
	in := ask(func(o *Options) { o.Tmpfs, o.ReadOnly = []string{"/data"}, true })
	in.Image.Volumes = map[string]struct{}{"/b": {}, "/a/../a": {}, "/a": {}, "/data": {}, "/": {}, "rel": {}, "/proc/x": {}, "/etc/motd": {}}
	s, e := mustBuild(t, in)
	equal(t, "asked", e.Asked, []string{"/data", "/a", "/b"})
	if m := mountLine(mountAt(s, "/b")); m != "bind volume: /b rbind,rprivate" {
		t.Error(m)
	}
	if len(e.Warnings) != 5 || !strings.HasPrefix(e.Warnings[0], "left out: ") {
		t.Errorf("%q", e.Warnings)
	}
	in.Options.ImageVolume = "tmpfs"
	s, e = mustBuild(t, in)
	if m := mountLine(mountAt(s, "/b")); !strings.HasPrefix(m, "tmpfs tmpfs /b") || strings.Contains(m, "noexec") || len(e.Volumes) > 0 {
		t.Error(m, e.Volumes)
	}
	in.Options.ImageVolume = "ignore"
	if s, e = mustBuild(t, in); mountAt(s, "/b") != nil || len(e.Warnings) > 0 {
		t.Error("ignored volumes are mounted")
	}
	in.Options.ImageVolume = "bind"
	for i := range maxImageVolumes {
		in.Image.Volumes["/v"+strings.Repeat("x", i)] = struct{}{}
	}
	_, _, err := Build(in)
	wantErr(t, err, ErrUnsupported, "--image-volume ignore")
}

func TestVolumesFrom(t *testing.T) {
	in := ask(func(o *Options) { o.VolumesFrom = []string{"other"} })
	s, e := mustBuild(t, in)
	for dst, want := range map[string]string{
		"/from/vol":  "bind volume:vol /from/vol rbind,rprivate,rro",
		"/from/anon": "bind volume:" + testID + " /from/anon rbind,rprivate",
		"/from/src":  "bind /src /from/src rbind,rslave",
		"/from/img":  "overlay image:debian /from/img nosuid,nodev,ro",
		"/from/mem":  "tmpfs tmpfs /from/mem rprivate,size=1024",
		"/from/o":    "overlay /src /from/o nosuid,nodev,lowerdir=/src",
		"/from/vo":   "overlay volume:vol /from/vo nosuid,nodev",
	} {
		if got := mountLine(mountAt(s, dst)); got != want || e.From[dst] != "other" {
			t.Errorf("%s: %s from %q", dst, got, e.From[dst])
		}
	}
	equal(t, "overlays", e.Overlays, []string{"/from/o", "/from/vo"})
	if !reflect.DeepEqual(e.Volumes[0], VolumeUse{Name: "vol", Destination: "/from/vol", Subpath: "part", NoCopy: true, MustExist: true}) {
		t.Errorf("%+v", e.Volumes)
	}
	in.Options.VolumesFrom, in.Options.Tmpfs = []string{"other:ro,z"}, []string{"/from/vol"}
	s, e = mustBuild(t, in)
	for dst, want := range map[string]string{
		"/from/vol": "tmpfs tmpfs /from/vol rprivate,nodev,noexec,nosuid", "/from/src": "bind /src /from/src rbind,rslave,rro", "/from/mem": "tmpfs tmpfs /from/mem rprivate,size=1024,ro",
	} {
		if got := mountLine(mountAt(s, dst)); got != want {
			t.Errorf("%s: %s", dst, got)
		}
	}
	if e.From["/from/vol"] != "" {
		t.Error("what was asked for is taken for the other's")
	}
	in.Options.VolumesFrom, in.Options.Tmpfs = []string{"other:rw"}, nil
	if s, _ = mustBuild(t, in); mountLine(mountAt(s, "/from/vol")) != "bind volume:vol /from/vol rbind,rprivate" {
		t.Error(mountLine(mountAt(s, "/from/vol")))
	}
}

func TestVolumesFromErrors(t *testing.T) {
	for flag, want := range map[string]error{"nobody": ErrNotFound, ":ro": ErrInvalid, "": ErrInvalid, "other:exec": ErrInvalid, "other:ro,rw": ErrConflict, "a\x00": ErrInvalid} {
		_, _, err := Build(ask(func(o *Options) { o.VolumesFrom = []string{flag} }))
		wantErr(t, err, want)
	}
	// A claim is a file of another container: what it says is checked as a flag is.
	for _, m := range []volume.Mount{
		{Type: "volume", Name: "../x", Destination: "/d"}, {Type: "volume", Name: "x", Destination: "/proc"},
		{Type: "bind", Source: "/nope", Destination: "/d"}, {Type: "overlay", Source: "/src", Destination: "/d", Options: []string{"lowerdir=/src", "upperdir=/u"}}, {Type: "fuse", Source: "/src", Destination: "/d"}, {Type: "bind", Source: "/src", Destination: "/a/.."},
	} {
		in := ask(func(o *Options) { o.VolumesFrom = []string{"x"} })
		in.Host.MountsOf = func(string) ([]volume.Mount, error) { return []volume.Mount{m}, nil }
		if _, _, err := Build(in); err == nil {
			t.Errorf("%+v is accepted", m)
		}
	}
}

func TestSELinuxAndVolumes(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Volume = []string{"vol:/d:Z"} },
		func(o *Options) { o.VolumesFrom = []string{"other:z"} },
	} {
		in := ask(change)
		in.Host.SELinux = true
		_, _, err := Build(in)
		wantErr(t, err, ErrNotYet, "SELinux")
	}
}

// The user's whole home must not go to a sub-id by a slip.
func TestHomeIsNotChowned(t *testing.T) {
	for _, src := range []string{"/home/me", "/home", "/"} {
		in := ask(func(o *Options) { o.Volume = []string{src + ":/d:U"} })
		in.Host = fakeHost("/home/me", "/home", "/")
		env := in.Host.LookupEnv
		in.Host.LookupEnv = func(n string) (string, bool) {
			if n == "HOME" {
				return "/home/me", true
			}
			return env(n)
		}
		_, _, err := Build(in)
		wantErr(t, err, ErrUnsupported, "U would change the owner of everything in "+src)
	}
}
