package intent

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// What stands at the places every container has, by the namespaces it shares.
func TestDefaultMounts(t *testing.T) {
	const (
		hostProc   = "bind /proc /proc rbind,rprivate,nosuid,noexec,nodev"
		hostSys    = "bind /sys /sys rbind,rprivate,nosuid,noexec,nodev,rro"
		cgroupRW   = "cgroup cgroup /sys/fs/cgroup nosuid,noexec,nodev,relatime"
		hostCgroup = "bind /sys/fs/cgroup /sys/fs/cgroup rbind,rprivate,nosuid,noexec,nodev,rro"
		hostShm    = "bind /dev/shm /dev/shm bind,rprivate,nosuid,noexec,nodev"
	)
	for _, c := range []struct {
		name   string
		change func(*Options)
		dst    string
		want   string
	}{
		{"pid host", func(o *Options) { o.PID = "host" }, "/proc", hostProc},
		{"network host", func(o *Options) { o.Network = []string{"host"} }, "/sys", hostSys},
		{"network host has its cgroup", func(o *Options) { o.Network = []string{"host"} }, "/sys/fs/cgroup", cgroupRW + ",ro"},
		{"network of another", func(o *Options) { o.Network = []string{"container:a"} }, "/sys", hostSys},
		{"network host privileged", func(o *Options) { o.Network, o.Privileged = []string{"host"}, true }, "/sys", hostSys},
		{"cgroup host", func(o *Options) { o.Cgroupns = "host" }, "/sys/fs/cgroup", hostCgroup},
		{"cgroup host privileged", func(o *Options) { o.Cgroupns, o.Privileged = "host", true }, "/sys/fs/cgroup", hostCgroup},
		{"privileged", func(o *Options) { o.Privileged = true }, "/sys/fs/cgroup", cgroupRW},
		{"ipc host", func(o *Options) { o.IPC = "host" }, "/dev/shm", hostShm},
		{"ipc host queues", func(o *Options) { o.IPC = "host" }, "/dev/mqueue", "bind /dev/mqueue /dev/mqueue bind,rprivate,nosuid,noexec,nodev"},
		{"ipc none", func(o *Options) { o.IPC = "none" }, "/dev/shm", "none"},
		{"ipc none queues", func(o *Options) { o.IPC = "none" }, "/dev/mqueue", "mqueue mqueue /dev/mqueue nosuid,noexec,nodev"},
		{"shm size", func(o *Options) { o.ShmSize = "1g" }, "/dev/shm", "tmpfs shm /dev/shm nosuid,noexec,nodev,mode=1777,size=1073741824"},
		{"read-only keeps shm", func(o *Options) { o.ReadOnly = true }, "/dev/shm", "tmpfs shm /dev/shm nosuid,noexec,nodev,mode=1777,size=67108864"},
		{"read-only tmpfs", func(o *Options) { o.ReadOnly = true }, "/var/tmp", "tmpfs tmpfs /var/tmp rprivate,nosuid,nodev,mode=1777"},
		{"read-only run", func(o *Options) { o.ReadOnly = true }, "/run", "tmpfs tmpfs /run rprivate,nosuid,nodev,mode=755"},
		{"all read-only", func(o *Options) { o.ReadOnly, o.ReadOnlyTmpfs = true, false }, "/tmp", "none"},
		{"all read-only dev", func(o *Options) { o.ReadOnly, o.ReadOnlyTmpfs = true, false }, "/dev", "tmpfs tmpfs /dev nosuid,strictatime,mode=755,size=65536k,ro"},
		{"all read-only shm", func(o *Options) { o.ReadOnly, o.ReadOnlyTmpfs = true, false }, "/dev/shm", "tmpfs shm /dev/shm nosuid,noexec,nodev,mode=1777,size=67108864,ro"},
		{"writable needs no tmpfs", nil, "/tmp", "none"},
		{"read-only with a volume on tmp", func(o *Options) { o.ReadOnly, o.Volume = true, []string{"/src:/tmp"} }, "/tmp", "bind /src /tmp rbind,rprivate"},
		{"read-only with a volume above", func(o *Options) { o.ReadOnly, o.Volume = true, []string{"/src:/var"} }, "/var/tmp", "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := mustBuild(t, ask(c.change))
			if got := mountLine(mountAt(s, c.dst)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			if s.Root.Readonly != (c.change != nil && strings.Contains(c.name, "read-only")) {
				t.Errorf("root read-only: %v", s.Root.Readonly)
			}
		})
	}
}

// CVE-2023-25809: no way of asking leaves the host's cgroup tree writable.
func TestHostCgroupIsNeverWritable(t *testing.T) {
	for _, cgroup := range []string{"", "host"} {
		for _, network := range []string{"none", "host"} {
			for _, privileged := range []bool{false, true} {
				for _, v2 := range []bool{false, true} {
					in := ask(func(o *Options) { o.Cgroupns, o.Network, o.Privileged = cgroup, []string{network}, privileged })
					in.Host.Cgroup2 = v2
					s, _ := mustBuild(t, in)
					for _, m := range s.Mounts {
						if strings.HasPrefix(m.Source, "/sys") && !slices.Contains(m.Options, "rro") {
							t.Errorf("cgroup %q network %s privileged %v: %s", cgroup, network, privileged, mountLine(&m))
						}
					}
				}
			}
		}
	}
}

func TestNoCgroup1(t *testing.T) {
	in := ask(nil)
	in.Host.Cgroup2 = false
	s, _ := mustBuild(t, in)
	if m := mountAt(s, "/sys/fs/cgroup"); m != nil {
		t.Error(mountLine(m))
	}
}

func TestHostWithoutQueues(t *testing.T) {
	in := ask(func(o *Options) { o.IPC = "host" })
	in.Host.Stat = nil
	s, _ := mustBuild(t, in)
	if m := mountAt(s, "/dev/mqueue"); m != nil {
		t.Error(mountLine(m))
	}
}

func TestJoinedNetworkWithItsUserNamespace(t *testing.T) {
	in := ask(func(o *Options) { o.Network, o.Userns = []string{"container:a"}, "container:a" })
	in.Maps.Join = "a"
	s, _ := mustBuild(t, in)
	if m := mountAt(s, "/sys"); m.Type != "sysfs" {
		t.Error(mountLine(m))
	}
}

func TestShmSizeErrors(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		kind   error
	}{
		{func(o *Options) { o.ShmSize = "much" }, ErrInvalid},
		{func(o *Options) { o.ShmSize = "0" }, ErrInvalid},
		{func(o *Options) { o.ShmSize, o.IPC = "1m", "host" }, ErrConflict},
		{func(o *Options) { o.ShmSize, o.IPC = "1m", "none" }, ErrConflict},
	} {
		_, _, err := Build(ask(c.change))
		wantErr(t, err, c.kind, "--shm-size")
	}
}

// A mount must not be covered by one that comes after it.
func TestOrderOfMounts(t *testing.T) {
	s, _ := mustBuild(t, ask(func(o *Options) {
		o.Volume = []string{"/src:/a/b/c", "/src:/a", "/src:/sys/x"}
		o.Tmpfs, o.Mount, o.Device = []string{"/a/b"}, []string{"type=tmpfs,dst=/dev/x/y"}, []string{"/dev/fuse"}
	}))
	for i, m := range s.Mounts {
		for _, later := range s.Mounts[i+1:] {
			if strings.HasPrefix(m.Destination, later.Destination+"/") {
				t.Errorf("%s comes before %s", m.Destination, later.Destination)
			}
		}
	}
}

func TestUserMountReplacesADefault(t *testing.T) {
	s, _ := mustBuild(t, ask(func(o *Options) { o.Volume = []string{"/src:/dev/shm", "/sys:/sys:ro"} }))
	n := 0
	for _, m := range s.Mounts {
		if m.Destination == "/dev/shm" || m.Destination == "/sys" {
			n++
			if m.Type != "bind" {
				t.Error(mountLine(&m))
			}
		}
	}
	if n != 2 || mountAt(s, "/dev/pts") == nil {
		t.Errorf("%d mounts, %v", n, s.Mounts)
	}
}

func TestRootPropagation(t *testing.T) {
	for opts, want := range map[string]string{"": "", "private": "", "slave": "rslave", "rslave": "rslave", "rshared": "rshared"} {
		s, _ := mustBuild(t, ask(func(o *Options) { o.Volume = []string{strings.TrimSuffix("/src:/d:"+opts, ":"), "/src:/e"} }))
		if s.Linux.RootfsPropagation != want {
			t.Errorf("%q: %q", opts, s.Linux.RootfsPropagation)
		}
	}
}

func TestDevices(t *testing.T) {
	for _, c := range []struct {
		flag string
		want []string
	}{
		{"/dev/fuse", []string{"bind /dev/fuse /dev/fuse bind,rprivate,nosuid,noexec"}},
		{"/dev/fuse:rwm", []string{"bind /dev/fuse /dev/fuse bind,rprivate,nosuid,noexec"}},
		{"/dev/fuse:/dev/f", []string{"bind /dev/fuse /dev/f bind,rprivate,nosuid,noexec"}},
		{"/dev/fuse:/dev/f:wr", []string{"bind /dev/fuse /dev/f bind,rprivate,nosuid,noexec"}},
		{"/dev/fuse::rw", []string{"bind /dev/fuse /dev/fuse bind,rprivate,nosuid,noexec"}},
		{"/dev/dri", []string{"bind /dev/dri/card0 /dev/dri/card0 bind,rprivate,nosuid,noexec",
			"bind /dev/dri/renderD128 /dev/dri/renderD128 bind,rprivate,nosuid,noexec"}},
		{"/dev/dri/:/dev/gpu", []string{"bind /dev/dri/card0 /dev/gpu/card0 bind,rprivate,nosuid,noexec",
			"bind /dev/dri/renderD128 /dev/gpu/renderD128 bind,rprivate,nosuid,noexec"}},
	} {
		s, _ := mustBuild(t, ask(func(o *Options) { o.Device = []string{c.flag} }))
		var got []string
		for _, m := range s.Mounts {
			if m.Type == "bind" {
				got = append(got, mountLine(&m))
			}
		}
		equal(t, c.flag, got, c.want)
	}
	for _, c := range []struct {
		flag, text string
		kind       error
	}{
		{"", "is wanted", ErrInvalid},
		{"fuse", "absolute", ErrInvalid},
		{"/dev/fuse:", "empty", ErrInvalid},
		{"/dev/fuse:/d:", "empty", ErrInvalid},
		{"/dev/fuse:x", "some of r, w and m", ErrInvalid},
		{"/dev/fuse:rr", "some of", ErrInvalid},
		{"/dev/fuse:rwmr", "some of", ErrInvalid},
		{"/a:/b:rw:/c", "is wanted", ErrInvalid},
		{"/dev/fuse:r", "devices cgroup", ErrUnsupported},
		{"/dev/fuse:/dev/f:rm", "--device /dev/fuse:/dev/f", ErrUnsupported},
		{"vendor.com/gpu=all", "CDI", ErrNotYet},
		{"/dev/nope", "/dev/nope: file does not exist", ErrNotFound},
		{"/src/file", "not a device\n  fix: -v /src/file:/src/file", ErrInvalid},
		{"/dev/snd", "no device in /dev/snd", ErrNotFound},
		{"/dev/fuse:/", "root itself", ErrInvalid},
	} {
		_, _, err := Build(ask(func(o *Options) { o.Device = []string{c.flag} }))
		wantErr(t, err, c.kind, c.text)
	}
	in := ask(func(o *Options) { o.Privileged = true })
	in.Host.Devices = func(string) ([]string, error) {
		return nil, &fs.PathError{Op: "open", Path: "/dev", Err: fs.ErrPermission}
	}
	_, _, err := Build(in)
	wantErr(t, err, ErrNotFound, "cannot list the devices in /dev: permission denied")
}
