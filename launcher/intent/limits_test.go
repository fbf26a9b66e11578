package intent

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

func rlimitsOf(t *testing.T, list ...string) []string {
	t.Helper()
	s, _ := mustBuild(t, ask(func(o *Options) { o.Ulimit = list }))
	var out []string
	for _, r := range s.Process.Rlimits {
		out = append(out, fmt.Sprintf("%s=%s:%s", strings.TrimPrefix(r.Type, "RLIMIT_"), limitString(r.Soft), limitString(r.Hard)))
	}
	return out
}

func TestRlimits(t *testing.T) {
	equal(t, "default", rlimitsOf(t), []string{"NOFILE=524288:524288", "NPROC=63000:63000"})
	equal(t, "host", rlimitsOf(t, "host"), []string{"NOFILE=1024:524288", "NPROC=63000:63000"})
	equal(t, "given", rlimitsOf(t, "nofile=10:20", "core=-1"), []string{"CORE=unlimited:unlimited", "NOFILE=10:20", "NPROC=63000:63000"})
	equal(t, "host and given", rlimitsOf(t, "host", "RLIMIT_NOFILE=10"), []string{"NOFILE=10:10", "NPROC=63000:63000"})
	equal(t, "spelling", rlimitsOf(t, "CORE=0:unlimited"), []string{"CORE=0:unlimited", "NOFILE=524288:524288", "NPROC=63000:63000"})
	in := ask(nil)
	in.Host.Rlimits = map[string]Rlimit{"nofile": {math.MaxUint64, math.MaxUint64}, "nproc": {math.MaxUint64, math.MaxUint64}}
	s, _ := mustBuild(t, in)
	for _, r := range s.Process.Rlimits {
		if r.Hard != 1<<20 || r.Soft != 1<<20 {
			t.Errorf("%+v", r)
		}
	}
	for _, c := range []struct {
		flag, text string
		kind       error
	}{
		{"", "NAME=SOFT", ErrInvalid},
		{"nofile", "NAME=SOFT", ErrInvalid},
		{"files=1", "nofile", ErrInvalid},
		{"nofile=", "a limit is", ErrInvalid},
		{"nofile=1:", "a limit is", ErrInvalid},
		{"nofile=-2", "a limit is", ErrInvalid},
		{"nofile=1k", "a limit is", ErrInvalid},
		{"nofile=20:10", "higher than the hard", ErrInvalid},
		{"nofile=-1:10", "higher than the hard", ErrInvalid},
		{"nofile=1:2:3", "a limit is", ErrInvalid},
		{"Host", "NAME=SOFT", ErrInvalid},
		{" =1", "NAME=SOFT", ErrInvalid},
		{"nofile=600000", "your own hard limit of nofile is 524288", ErrUnsupported},
		{"nproc=1:-1", "fix: --ulimit nproc=63000", ErrUnsupported},
	} {
		_, _, err := Build(ask(func(o *Options) { o.Ulimit = []string{c.flag} }))
		wantErr(t, err, c.kind, c.text)
	}
	_, _, err := Build(ask(func(o *Options) { o.Ulimit = []string{"core=0", "core=1"} }))
	wantErr(t, err, ErrConflict, "twice")
}

func TestSysctls(t *testing.T) {
	s, _ := mustBuild(t, ask(func(o *Options) {
		o.Sysctl = []string{"net.ipv4.ip_forward=1", "kernel.shmmax=100", "fs.mqueue.msg_max=5", "kernel.sem=1 2 3 4", "net.ipv4.ping_group_range=0 0"}
	}))
	if m := s.Linux.Sysctl; len(m) != 5 || m["kernel.sem"] != "1 2 3 4" || m["net.ipv4.ip_forward"] != "1" {
		t.Errorf("%v", m)
	}
	for _, c := range []struct {
		flag, text string
		kind       error
		change     func(*Options)
	}{
		{"net.x", "NAME=VALUE", ErrInvalid, nil},
		{"=1", "empty", ErrInvalid, nil},
		{"net.=1", "the name", ErrInvalid, nil},
		{"net..x=1", "the name", ErrInvalid, nil},
		{"net./../kernel/x=1", "the name", ErrInvalid, nil},
		{"net.a/b=1", "the name", ErrInvalid, nil},
		{"net.../../kernel.panic=1", "the name", ErrInvalid, nil},
		{"net.x =1", "the name", ErrInvalid, nil},
		{"net.x=\x00", "NUL", ErrInvalid, nil},
		{"kernel.panic=1", "whole host", ErrUnsupported, nil},
		{"vm.swappiness=1", "whole host", ErrUnsupported, nil},
		{"network.x=1", "whole host", ErrUnsupported, nil},
		{"kernel.hostname=x", "--hostname x", ErrInvalid, nil},
		{"kernel.domainname=x", "--domainname x", ErrInvalid, nil},
		{"net.x=1", "--network host", ErrConflict, func(o *Options) { o.Network = []string{"host"} }},
		{"net.x=1", "--network container:a", ErrConflict, func(o *Options) { o.Network = []string{"container:a"} }},
		{"kernel.sem=1", "--ipc host", ErrConflict, func(o *Options) { o.IPC = "host" }},
		{"fs.mqueue.x=1", "--ipc host", ErrConflict, func(o *Options) { o.IPC = "host" }},
		{"net.y=2", "twice", ErrConflict, func(o *Options) { o.Sysctl = []string{"net.y=1"} }},
	} {
		_, _, err := Build(ask(func(o *Options) {
			if c.change != nil {
				c.change(o)
			}
			o.Sysctl = append(o.Sysctl, c.flag)
		}))
		wantErr(t, err, c.kind, c.text)
	}
}

func TestTimeOffsets(t *testing.T) {
	for _, c := range []struct {
		flag, clock string
		secs        int64
		nanos       uint32
	}{
		{"boottime=86400", "boottime", 86400, 0},
		{"monotonic=-30", "monotonic", -30, 0},
		{"boottime=1h30m", "boottime", 5400, 0},
		{"boottime=1.5s", "boottime", 1, 500000000},
		{"boottime=-1.5s", "boottime", -2, 500000000},
		{"monotonic=-2s", "monotonic", -2, 0},
		{"monotonic=0", "monotonic", 0, 0},
		{"boottime=4611686018", "boottime", 4611686018, 0},
		{"boottime=-1ns", "boottime", -1, 999999999},
	} {
		clock, off, err := parseTimeOffset(c.flag)
		if err != nil || clock != c.clock || off.Secs != c.secs || off.Nanosecs != c.nanos {
			t.Errorf("%s: %s %+v %v", c.flag, clock, off, err)
		}
	}
	for _, bad := range []string{"", "boottime", "boottime=", "realtime=1", "boottime=1d", "boottime=x", "boottime=4611686019", "=1", "boottime=99999999999999999999"} {
		_, _, err := Build(ask(func(o *Options) { o.TimeOffset = []string{bad} }))
		wantErr(t, err, ErrInvalid, "--time-offset")
	}
	s, _ := mustBuild(t, ask(func(o *Options) { o.TimeOffset = []string{"boottime=1", "monotonic=2"} }))
	if o := s.Linux.TimeOffsets; len(o) != 2 || o["monotonic"].Secs != 2 {
		t.Errorf("%v", o)
	}
	_, _, err := Build(ask(func(o *Options) { o.TimeOffset = []string{"boottime=1", "boottime=2"} }))
	wantErr(t, err, ErrConflict, "twice")
	in := ask(func(o *Options) { o.TimeOffset = []string{"boottime=1"} })
	in.Host.TimeNS = false
	_, _, err = Build(in)
	wantErr(t, err, ErrUnsupported, "CONFIG_TIME_NS")
}

func TestPlatform(t *testing.T) {
	for _, c := range []struct {
		platform, os, arch string
		want               Platform
	}{
		{"", "", "", Platform{}},
		{"linux/amd64", "", "", Platform{"linux", "amd64", ""}},
		{"Linux/AArch64", "", "", Platform{"linux", "arm64", ""}},
		{"linux/arm64/v8", "", "", Platform{"linux", "arm64", ""}},
		{"linux/arm/v6", "", "", Platform{"linux", "arm", "v6"}},
		{"linux", "", "", Platform{"linux", runtime.GOARCH, ""}},
		{"x86_64", "", "", Platform{"linux", "amd64", ""}},
		{"armhf", "", "", Platform{"linux", "arm", "v7"}},
		{"", "linux", "", Platform{"linux", runtime.GOARCH, ""}},
		{"", "", "aarch64", Platform{"linux", "arm64", ""}},
		{"", "linux", "i386", Platform{"linux", "386", ""}},
		{"linux/riscv64", "", "", Platform{"linux", "riscv64", ""}},
	} {
		o := Options{Platform: c.platform, OS: c.os, Arch: c.arch}
		got, err := o.WantPlatform()
		if err != nil || got != c.want || got.Explicit() != (c.want != Platform{}) {
			t.Errorf("%+v: %+v %v", c, got, err)
		}
	}
	for _, c := range []struct {
		o    Options
		kind error
	}{
		{Options{Platform: "windows/amd64"}, ErrUnsupported},
		{Options{Platform: "windows"}, ErrUnsupported},
		{Options{OS: "freebsd"}, ErrUnsupported},
		{Options{Platform: "linux/"}, ErrInvalid},
		{Options{Platform: "/"}, ErrInvalid},
		{Options{Platform: "a/b/c/d"}, ErrInvalid},
		{Options{Platform: "linux/../x"}, ErrInvalid},
		{Options{Arch: "a b"}, ErrInvalid},
		{Options{Platform: "linux/arm/v7;"}, ErrInvalid},
		{Options{Platform: "linux/amd64", Arch: "arm64"}, ErrConflict},
		{Options{Platform: "linux/amd64", OS: "linux"}, ErrConflict},
	} {
		_, err := c.o.WantPlatform()
		wantErr(t, err, c.kind)
	}
}

// The short flags that may one day come from a file or a socket: whatever parses must be harmless where it
// is used.
func FuzzSmallFlags(f *testing.F) {
	for _, s := range []string{"/dev/fuse:/dev/f:rw", "/t:size=1g,mode=1777", "a;b:1.2.3.4", "net.ipv4.x=1", "boottime=-1.5s", "nofile=1:2", "ctrl-a,b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if src, dst, err := parseDevice(s); err == nil {
			checkFuzzedDest(t, s, dst)
			if !strings.HasPrefix(src, "/") {
				t.Errorf("device %q", src)
			}
		}
		if dst, _, err := parseTmpfs(s); err == nil {
			checkFuzzedDest(t, s, dst)
		}
		if names, ip, err := parseAddHost(s); err == nil {
			if strings.ContainsAny(strings.Join(names, "")+ip, " \t\n#") || len(names) == 0 {
				t.Errorf("%q gives the line %q %q", s, ip, names)
			}
		}
		if name, _, err := parseSysctl(s); err == nil && (strings.Contains(name, "..") || strings.ContainsAny(name, "/\x00")) {
			t.Errorf("sysctl %q", name)
		}
		if _, off, err := parseTimeOffset(s); err == nil && off.Nanosecs >= 1e9 {
			t.Errorf("%q gives %+v", s, off)
		}
		if _, r, err := parseUlimit(s); err == nil && r.Soft > r.Hard {
			t.Errorf("%q gives %+v", s, r)
		}
		if n, ok := parseSize(s); ok && n < 0 {
			t.Errorf("size %q is %d", s, n)
		}
		if n, err := parseSignal("", s); err == nil && (n < 1 || n > 64) {
			t.Errorf("signal %q is %d", s, n)
		}
		if validHostname("", s, 64) == nil && strings.ContainsAny(s, " /\n\x00") {
			t.Errorf("host name %q", s)
		}
	})
}
