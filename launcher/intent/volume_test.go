package intent

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestVolume(t *testing.T) {
	for _, c := range []struct{ flag, want string }{
		{"/src:/d", "bind /src /d rbind,rprivate"},
		{"/src:/d:ro", "bind /src /d rbind,rprivate,rro"},
		{"/src:/d:rw", "bind /src /d rbind,rprivate"},
		{"/src/:/d/", "bind /src /d rbind,rprivate"},
		{"/src//.:/d//e/.", "bind /src /d/e rbind,rprivate"},
		{"./x:/d", "bind /home/me/x /d rbind,rprivate"},
		{"../me/x:/d", "bind /home/me/x /d rbind,rprivate"},
		{"/src:/d:z", "bind /src /d rbind,rprivate"},
		{"/src:/d:ro,Z,cached", "bind /src /d rbind,rprivate,rro"},
		{"/src:/d:bind,ro", "bind /src /d bind,rprivate,ro"},
		{"/src:/d:rslave", "bind /src /d rbind,rslave"},
		{"/src:/d:shared,noexec,nosuid,nodev", "bind /src /d rbind,shared,noexec,nosuid,nodev"},
		{"/src:/d:exec,suid,dev", "bind /src /d rbind,rprivate"},
		{"/src:/d:unbindable,nocopy", "bind /src /d rbind,unbindable"},
		{"/locked:/d:noexec", "bind /locked /d rbind,rprivate,noexec"},
		{"/src:/d:O", "overlay /src /d nosuid,nodev,lowerdir=/src"},
		{"/src/file:/etc/motd:ro", "bind /src/file /etc/motd rbind,rprivate,rro"},
		{"/src/file:/proc/cpuinfo", "bind /src/file /proc/cpuinfo rbind,rprivate"},
		{"/src:/new/deep", "bind /src /new/deep rbind,rprivate"},
	} {
		s, e := mustBuild(t, ask(func(o *Options) { o.Volume = []string{c.flag} }))
		dst := strings.Fields(c.want)[2]
		if got := mountLine(mountAt(s, dst)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.flag, got, c.want)
		}
		if strings.HasPrefix(c.want, "overlay") != slices.Equal(e.Overlays, []string{"/d"}) {
			t.Errorf("%s: overlays %v", c.flag, e.Overlays)
		}
	}
}

func TestVolumeErrors(t *testing.T) {
	for _, c := range []struct {
		flag, text string
		kind       error
	}{
		{"", "absolute", ErrInvalid},
		{":", "source is empty", ErrInvalid},
		{":/d", "source is empty", ErrInvalid},
		{"/src:", "absolute", ErrInvalid},
		{"/src:d", "absolute", ErrInvalid},
		{"/a:/b:ro:x", "--mount", ErrInvalid},
		{"/src:/", "the root itself", ErrInvalid},
		{"/src:/a/..", "\"..\"", ErrInvalid},
		{"/src:/../../x", "\"..\"", ErrInvalid},
		{"/src:/d:", "option \"\"", ErrInvalid},
		{"/src:/d:what", "option \"what\"", ErrInvalid},
		{"/src:/d:ro rw", "not known", ErrInvalid},
		{"/src:/d:ro,rw", "only one of ro, rw", ErrConflict},
		{"/src:/d:ro,ro", "only one of", ErrConflict},
		{"/src:/d:slave,private", "only one of", ErrConflict},
		{"/src:/d:z,Z", "only one of", ErrConflict},
		{"/sys:/d:U", "U would change the owner", ErrUnsupported},
		{"/src:/d:idmap", "only real root", ErrUnsupported},
		{"/src:/d:idmap=uids=0-1-1", "only real root", ErrUnsupported},
		{"/src:/d:O,upperdir=/u", "given together", ErrInvalid},
		{"/src:/d:O,upperdir=/u,workdir=w", "one absolute path", ErrInvalid},
		{"/src:/d:O,upperdir=/u,workdir=/u", "two directories", ErrInvalid},
		{"/src:/d:upperdir=/u,workdir=/w", "belong to the option O", ErrInvalid},
		{"/src:/d:O,upperdir=/u,workdir=/w", "/u is not a directory", ErrNotFound},
		{"vol:/d:O,upperdir=/u,workdir=/w", "host directories", ErrUnsupported},
		{"/src:/d:O,ro", "\"ro\"", ErrInvalid},
		{"/src/file:/d:O", "directory", ErrInvalid},
		{"/src:/d:copy", "named volumes", ErrInvalid},
		{"/src:/d:=rro", "no meaning", ErrInvalid},
		{"/src:/d:tmpcopyup", "no meaning", ErrInvalid},
		{"vol:/d:copy,nocopy", "only one of", ErrConflict},
		{"vol:/d:O,ro", "a layer of its own", ErrConflict},
		{"vol:/d:O,U", "a layer of its own", ErrConflict},
		{"_vol:/d", "invalid volume name", ErrInvalid},
		{"vol:/etc/motd", "in the image is a file", ErrInvalid},
		{"a/b:/d", "-v ./a/b:/d", ErrInvalid},
		{"~/x:/d", "-v ./~", ErrInvalid},
		{"/nope:/d", "cannot bind /nope: file does not exist\n  fix: mkdir -p /nope", ErrNotFound},
		{"/locked:/d:exec", "mounted noexec", ErrUnsupported},
		{"/locked:/d:suid", "mounted nosuid", ErrUnsupported},
		{"/locked:/d:dev", "mounted nodev", ErrUnsupported},
		{"/src:/etc/motd", "/src is a directory and /etc/motd in the image is a file", ErrInvalid},
		{"/src/file:/data", "/src/file is a file and /data in the image is a directory", ErrInvalid},
		{"/src:/d\x00", "", ErrInvalid},
	} {
		_, _, err := Build(ask(func(o *Options) { o.Volume = []string{c.flag} }))
		wantErr(t, err, c.kind, c.text)
	}
}

// CVE-2019-16884 and its family: a mount over /proc could stand in for files the launcher writes.
func TestNothingIsMountedOverProc(t *testing.T) {
	for _, dst := range []string{"/proc", "/proc/", "//proc", "/proc/.", "/proc/self/attr", "/proc/sys", "/proc/1", "/proc/cpuinfo/x", "/proc/uptime "} {
		for _, change := range []func(*Options){
			func(o *Options) { o.Volume = []string{"/src:" + dst} },
			func(o *Options) { o.Volume = []string{dst} },
			func(o *Options) { o.Tmpfs = []string{dst} },
			func(o *Options) { o.Mount = []string{"type=bind,src=/src,dst=" + dst} },
			func(o *Options) { o.Device = []string{"/dev/fuse:" + dst} },
			func(o *Options) { o.Privileged, o.Tmpfs = true, []string{dst} },
		} {
			_, _, err := Build(ask(change))
			wantErr(t, err, ErrInvalid, "/proc")
		}
	}
}

func TestSELinuxLabels(t *testing.T) {
	in := ask(func(o *Options) { o.Volume = []string{"/src:/d:Z"} })
	in.Host.SELinux = true
	_, _, err := Build(in)
	wantErr(t, err, ErrNotYet, "SELinux")
}

func TestOverlayOfAStrangePath(t *testing.T) {
	for _, p := range []string{"/a,b", `/a\b`} {
		in := ask(func(o *Options) { o.Volume = []string{p + ":/d:O"} })
		in.Host = fakeHost(p)
		_, _, err := Build(in)
		wantErr(t, err, ErrInvalid, "comma")
	}
}

func TestDuplicateMountPoints(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Volume = []string{"/src:/d", "/src:/d/"} },
		func(o *Options) { o.Volume, o.Tmpfs = []string{"/src:/d"}, []string{"/d"} },
		func(o *Options) { o.Volume, o.Mount = []string{"/src:/d"}, []string{"type=tmpfs,dst=/d"} },
		func(o *Options) { o.Device, o.Volume = []string{"/dev/fuse:/d"}, []string{"/src:/d"} },
		func(o *Options) { o.Tmpfs = []string{"/d", "/d:ro"} },
		func(o *Options) { o.Device = []string{"/dev/fuse", "/dev/fuse:rwm"} },
	} {
		_, _, err := Build(ask(change))
		wantErr(t, err, ErrConflict, "duplicate mount point /d")
	}
}

// What distrobox and toolbox ask for.
func TestBoxes(t *testing.T) {
	in := ask(func(o *Options) {
		o.Privileged, o.PID, o.IPC, o.Network = true, "host", "host", []string{"host"}
		o.Volume = []string{"/tmp:/tmp:rslave", "/root2:/run/host/:rslave", "/dev:/dev:rslave", "/sys:/sys:rslave", "/dev/null:/dev/ptmx"}
		o.Mount = []string{"type=devpts,destination=/dev/pts"}
		o.SecurityOpt, o.Ulimit, o.PidsLimit = []string{"label=disable", "apparmor=unconfined"}, []string{"host"}, ptr(int64(-1))
	})
	in.Host = fakeHost("/tmp", "/root2")
	stat := in.Host.Stat
	in.Host.Stat = func(n string) (Stat, error) {
		if n == "/dev/null" {
			return Stat{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, nil
		}
		return stat(n)
	}
	s, _ := mustBuild(t, in)
	var got []string
	for _, m := range s.Mounts {
		got = append(got, m.Destination)
	}
	equal(t, "order", got, []string{"/proc", "/tmp", "/dev", "/sys", "/run/host", "/dev/ptmx", "/dev/pts", "/sys/fs/cgroup"})
	if s.Linux.RootfsPropagation != "rslave" {
		t.Error(s.Linux.RootfsPropagation)
	}
	if got := mountLine(mountAt(s, "/dev/pts")); got != "devpts devpts /dev/pts rprivate,nosuid,noexec,newinstance" {
		t.Error(got)
	}
}

func FuzzVolume(f *testing.F) {
	for _, s := range []string{"/a:/b", "/a:/b:ro,z", "v:/b", "/b", "./x:/y:O", "/a:/../b", "a:b:c:d", "/a://b/./"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseVolume(s)
		if err != nil {
			return
		}
		checkFuzzedDest(t, s, v.dst)
		for _, w := range v.words {
			if strings.ContainsAny(w, ",: =") {
				t.Errorf("%q has the option %q", s, w)
			}
		}
	})
}

// checkFuzzedDest holds a destination to what the rest of the program builds on.
func checkFuzzedDest(t *testing.T, s, dst string) {
	t.Helper()
	if dst == "/" || !path.IsAbs(dst) || dst != path.Clean(dst) || strings.Contains(dst, "\x00") ||
		dst == "/proc" || strings.HasPrefix(dst, "/proc/") && !strings.Contains(procFiles, " "+dst+" ") {
		t.Errorf("%q has the destination %q", s, dst)
	}
}
