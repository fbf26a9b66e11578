package intent

import (
	"slices"
	"testing"
)

func TestSecurityOpts(t *testing.T) {
	for _, c := range []struct {
		opts    []string
		seccomp string
		nnp     bool
	}{
		{nil, "", false},
		{[]string{"seccomp=unconfined"}, "unconfined", false},
		{[]string{"seccomp:unconfined"}, "unconfined", false},
		{[]string{"seccomp=builtin"}, "", false},
		{[]string{"seccomp=default"}, "", false},
		{[]string{"seccomp=/etc/p.json"}, "/etc/p.json", false},
		{[]string{"seccomp=p.json"}, "/home/me/p.json", false},
		{[]string{"no-new-privileges"}, "", true},
		{[]string{"no-new-privileges=true"}, "", true},
		{[]string{"no-new-privileges:true"}, "", true},
		{[]string{"no-new-privileges=false"}, "", false},
		{[]string{"label=disable", "label:disable", "apparmor=unconfined"}, "", false},
	} {
		s, e := mustBuild(t, ask(func(o *Options) { o.SecurityOpt = c.opts }))
		if e.Seccomp != c.seccomp || s.Process.NoNewPrivileges != c.nnp {
			t.Errorf("%q: seccomp %q, no new privileges %v", c.opts, e.Seccomp, s.Process.NoNewPrivileges)
		}
	}
}

func TestSecurityOptErrors(t *testing.T) {
	for _, c := range []struct {
		opt  string
		kind error
	}{
		{"", ErrInvalid},
		{"seccomp", ErrInvalid},
		{"seccomp=", ErrInvalid},
		{"nonsense=1", ErrInvalid},
		{"no-new-privileges=perhaps", ErrInvalid},
		{"label=type:spc_t", ErrNotYet},
		{"label=nested", ErrNotYet},
		{"apparmor=docker-default", ErrNotYet},
		{"apparmor=", ErrNotYet},
		{"mask=proc/x", ErrInvalid},
		{"mask=", ErrInvalid},
		{"mask=/", ErrInvalid},
		{"unmask=", ErrInvalid},
		{"unmask=/a:[", ErrInvalid},
		{"systempaths=all", ErrInvalid},
		{"proc-opts=hidepid=9", ErrInvalid},
		{"proc-opts=gid=x", ErrInvalid},
		{"proc-opts=suid", ErrInvalid},
		{"proc-opts=", ErrInvalid},
	} {
		_, _, err := Build(ask(func(o *Options) { o.SecurityOpt = []string{c.opt} }))
		wantErr(t, err, c.kind, "--security-opt")
	}
	_, _, err := Build(ask(func(o *Options) { o.SecurityOpt = []string{"seccomp=unconfined", "seccomp=/x"} }))
	wantErr(t, err, ErrConflict, "twice")
}

func TestPrivileged(t *testing.T) {
	s, e := mustBuild(t, ask(func(o *Options) { o.Privileged = true }))
	if e.Seccomp != "unconfined" || s.Linux.MaskedPaths != nil || s.Linux.ReadonlyPaths != nil {
		t.Errorf("%q %v %v", e.Seccomp, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths)
	}
	if n := len(s.Process.Capabilities.Bounding); n != 41 {
		t.Errorf("%d capabilities", n)
	}
	for _, dst := range []string{"/sys", "/sys/fs/cgroup"} {
		if m := mountAt(s, dst); slices.Contains(m.Options, "ro") {
			t.Errorf("%s is read-only: %v", dst, m.Options)
		}
	}
	var dev []string
	for i := range s.Mounts {
		if m := s.Mounts[i]; m.Type == "bind" {
			dev = append(dev, mountLine(&m))
		}
	}
	equal(t, "devices", dev, []string{
		"bind /dev/fuse /dev/fuse bind,rprivate,nosuid,noexec",
		"bind /dev/dri/card0 /dev/dri/card0 bind,rprivate,nosuid,noexec",
		"bind /dev/dri/renderD128 /dev/dri/renderD128 bind,rprivate,nosuid,noexec",
	})
	// A profile that was asked for is kept, as are masks.
	s, e = mustBuild(t, ask(func(o *Options) {
		o.Privileged, o.SecurityOpt = true, []string{"seccomp=default", "mask=/proc/kcore"}
	}))
	if e.Seccomp != "" {
		t.Errorf("seccomp %q", e.Seccomp)
	}
	equal(t, "masked", s.Linux.MaskedPaths, []string{"/proc/kcore"})
	// With /dev of the host nothing is bound one by one.
	s, _ = mustBuild(t, ask(func(o *Options) { o.Privileged, o.Volume = true, []string{"/dev:/dev:rslave"} }))
	if mountAt(s, "/dev/fuse") != nil || mountAt(s, "/dev/pts") != nil || mountAt(s, "/dev").Type != "bind" {
		t.Errorf("%v", s.Mounts)
	}
}

func TestMasks(t *testing.T) {
	thermal := "/sys/devices/system/cpu/cpu0/thermal_throttle"
	s, _ := mustBuild(t, ask(nil))
	equal(t, "masked", s.Linux.MaskedPaths, append(slices.Clone(maskedPaths[:]), thermal))
	equal(t, "read-only", s.Linux.ReadonlyPaths, readonlyPaths[:])
	for _, c := range []struct {
		opts         []string
		masked, ro   int
		has, hasNot  string
		warnings     int
		cgroupIsRead bool
	}{
		{[]string{"unmask=ALL"}, 0, 0, "", "", 0, false},
		{[]string{"unmask=all"}, 0, 0, "", "", 0, false},
		{[]string{"systempaths=unconfined"}, 0, 0, "", "", 0, false},
		{[]string{"unmask=/proc/kcore:/proc/sys"}, 12, 4, "/proc/keys", "/proc/kcore", 0, true},
		{[]string{"unmask=/proc/*"}, 3, 0, "/sys/firmware", "/proc/acpi", 0, true},
		{[]string{"unmask=/sys/fs/cgroup"}, 13, 5, "", "", 0, false},
		{[]string{"unmask=/nothing"}, 13, 5, "", "", 1, true},
		{[]string{"mask=/etc/x:/opt/"}, 15, 5, "/opt", "", 0, true},
	} {
		s, e := mustBuild(t, ask(func(o *Options) { o.SecurityOpt = c.opts }))
		m, r := s.Linux.MaskedPaths, s.Linux.ReadonlyPaths
		if len(m) != c.masked || len(r) != c.ro || len(e.Warnings) != c.warnings ||
			c.has != "" && !slices.Contains(m, c.has) || slices.Contains(m, c.hasNot) {
			t.Errorf("%q: masked %v read-only %v warnings %q", c.opts, m, r, e.Warnings)
		}
		if got := slices.Contains(mountAt(s, "/sys/fs/cgroup").Options, "ro"); got != c.cgroupIsRead {
			t.Errorf("%q: cgroup read-only %v", c.opts, got)
		}
	}
}

func TestProcOpts(t *testing.T) {
	s, _ := mustBuild(t, ask(func(o *Options) { o.SecurityOpt = []string{"proc-opts=hidepid=2,gid=5,subset=pid,nosuid"} }))
	if got := mountLine(mountAt(s, "/proc")); got != "proc proc /proc nosuid,noexec,nodev,hidepid=2,gid=5,subset=pid" {
		t.Error(got)
	}
	_, _, err := Build(ask(func(o *Options) { o.SecurityOpt, o.PID = []string{"proc-opts=hidepid=2"}, "host" }))
	wantErr(t, err, ErrConflict, "--pid host")
}
