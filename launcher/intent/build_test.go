package intent

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestBuildPlainRun(t *testing.T) {
	s, e := mustBuild(t, ask(func(o *Options) { o.Rm = true }, "true"))
	equal(t, "args", s.Process.Args, []string{"true"})
	equal(t, "env", s.Process.Env, []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOSTNAME=0123456789ab", "container=oci", "LANG=C.UTF-8", "HOME=/root"})
	if s.Process.Cwd != "/" || s.Process.User.UID != 0 || s.Process.User.GID != 0 || *s.Process.User.Umask != 0o022 {
		t.Errorf("process %+v", s.Process)
	}
	if s.Hostname != "0123456789ab" || s.Version != specs.Version || s.Root.Readonly || s.Process.NoNewPrivileges || s.Process.Terminal {
		t.Errorf("spec %+v", s)
	}
	var got []string
	for i := range s.Mounts {
		got = append(got, mountLine(&s.Mounts[i]))
	}
	equal(t, "mounts", got, []string{
		"proc proc /proc nosuid,noexec,nodev",
		"tmpfs tmpfs /dev nosuid,strictatime,mode=755,size=65536k",
		"sysfs sysfs /sys nosuid,noexec,nodev,ro",
		"devpts devpts /dev/pts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
		"mqueue mqueue /dev/mqueue nosuid,noexec,nodev",
		"tmpfs shm /dev/shm nosuid,noexec,nodev,mode=1777,size=67108864",
		"cgroup cgroup /sys/fs/cgroup nosuid,noexec,nodev,relatime,ro",
	})
	if s.Linux.RootfsPropagation != "" || !reflect.DeepEqual(s.Linux.UIDMappings, rootlessMaps().UIDs) {
		t.Errorf("linux %+v", s.Linux)
	}
	if e.Network != "slirp" || e.Seccomp != "" || !e.SigProxy || e.StopSignal != 15 || len(e.Warnings) != 0 || e.Join != nil {
		t.Errorf("extras %+v", e)
	}
	var files []string
	for _, f := range e.Files {
		files = append(files, f.Path)
	}
	equal(t, "files", files, []string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"})
}

// The same input must give the same spec: what --explain prints is what runs.
func TestBuildIsDeterministic(t *testing.T) {
	in := ask(func(o *Options) {
		o.Volume = []string{"/src:/b", "/src:/a", "/src:/c/d"}
		o.Tmpfs = []string{"/z", "/y:size=1m"}
		o.Sysctl = []string{"net.a=1", "net.b=2"}
		o.Ulimit = []string{"core=0", "nofile=10:20"}
		o.Env = []string{"B=1", "A=2", "LC_*"}
		o.Privileged = true
		o.ReadOnly = true
	})
	first, _ := mustBuild(t, in)
	a, _ := json.Marshal(first)
	for range 20 {
		again, _ := mustBuild(t, in)
		if b, _ := json.Marshal(again); string(a) != string(b) {
			t.Fatalf("two specs of one input:\n%s\n%s", a, b)
		}
	}
}

// Build must not write into what it is given: the image record is cached by its owner.
func TestBuildLeavesItsInputAlone(t *testing.T) {
	in := ask(func(o *Options) { o.Label = []string{"x=y"}; o.Env = []string{"LANG=de"}; o.User = "ana" }, "a", "b")
	in.Image.Labels = map[string]string{"k": "v"}
	in.Image.Entrypoint = slices.Grow([]string{"sh"}, 10)
	before, _ := json.Marshal(in.Image)
	argv := slices.Clone(in.Options.Argv)
	s, e := mustBuild(t, in)
	s.Process.Args[0], s.Process.Env[0], e.Labels["k"] = "changed", "changed", "changed"
	s.Linux.MaskedPaths[0] = "changed"
	if after, _ := json.Marshal(in.Image); string(after) != string(before) {
		t.Errorf("image changed to %s", after)
	}
	equal(t, "argv", in.Options.Argv, argv)
	if maskedPaths[0] != "/proc/acpi" {
		t.Error("the table of masked paths changed")
	}
}

func TestBuildWithoutImage(t *testing.T) {
	in := ask(func(o *Options) { o.Rootfs = true }, "sh")
	in.Image = nil
	in.Options.Argv[0] = "/srv/root:O"
	s, _ := mustBuild(t, in)
	equal(t, "args", s.Process.Args, []string{"sh"})
	in.View, in.Host = nil, nil
	s, e := mustBuild(t, in)
	if s.Process.User.UID != 0 || !slices.Contains(s.Process.Env, "HOME=/") || len(e.Files) != 3 {
		t.Errorf("%+v %+v", s.Process, e)
	}
}

func TestExtras(t *testing.T) {
	_, e := mustBuild(t, ask(func(o *Options) {
		o.TTY, o.Interactive, o.Init, o.SigProxy = true, true, true, false
		o.Timeout, o.StopTimeout, o.StopSignal = 7, ptr(-1), "SIGRTMIN+3"
		o.DetachKeys, o.PreserveFDs, o.LogDriver = ptr(""), 2, "none"
	}))
	if !e.TTY || !e.Interactive || !e.Init || e.SigProxy || e.Timeout.Seconds() != 7 || e.StopTimeout != -1 ||
		e.StopSignal != 37 || e.DetachKeys != nil || e.PreserveFDs != 2 || e.LogDriver != "none" {
		t.Errorf("%+v", e)
	}
	if len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0], "not a terminal") {
		t.Errorf("warnings %q", e.Warnings)
	}
	_, e = mustBuild(t, ask(func(o *Options) { o.StopTimeout = ptr(3) }))
	if e.StopTimeout.Seconds() != 3 || string(e.DetachKeys) != "\x10\x11" {
		t.Errorf("%+v", e)
	}
}

// Every flag that this package takes has to matter or be refused somewhere (apptainer CVE-2025-65105). The
// list says which fields Build reads; the others belong to the named reader.
func TestEveryOptionHasAReader(t *testing.T) {
	elsewhere := map[string]string{
		"Rm": "launcher", "Cidfile": "launcher", "Pidfile": "launcher", "Explain": "cmd", "Quiet": "cmd",
		"Arch": "WantPlatform", "OS": "WantPlatform", "UIDMap": "userns", "GIDMap": "userns",
		"SubUIDName": "userns", "SubGIDName": "userns", "NetworkFlags": "network_test", "AttachFlags": "attachment_test", "Fetch": "launcher", "Detach": "launcher", "RestartFlags": "launcher",
	}
	base, baseExtra := mustBuild(t, ask(func(o *Options) { o.ReadOnly, o.TTY = false, false }))
	set := map[string]func(*Options){
		"Argv": func(o *Options) { o.Argv = []string{"debian", "x"} }, "Label": func(o *Options) { o.Label = []string{"a=b"} },
		"LabelFile": func(o *Options) { o.LabelFile = []string{"labels"} }, "Annotation": func(o *Options) { o.Annotation = []string{"a=b"} },
		"Interactive": func(o *Options) { o.Interactive = true }, "TTY": func(o *Options) { o.TTY = true },
		"SigProxy": func(o *Options) { o.SigProxy = false }, "DetachKeys": func(o *Options) { o.DetachKeys = ptr("a") },
		"PreserveFDs": func(o *Options) { o.PreserveFDs = 1 }, "LogDriver": func(o *Options) { o.LogDriver = "none" },
		"Timeout": func(o *Options) { o.Timeout = 1 }, "StopSignal": func(o *Options) { o.StopSignal = "INT" },
		"StopTimeout": func(o *Options) { o.StopTimeout = ptr(1) }, "Init": func(o *Options) { o.Init = true },
		"Entrypoint": func(o *Options) { o.Entrypoint = ptr("x") }, "Env": func(o *Options) { o.Env = []string{"X=1"} },
		"EnvFile": func(o *Options) { o.EnvFile = []string{"vars"} }, "EnvHost": func(o *Options) { o.EnvHost = true },
		"Unsetenv": func(o *Options) { o.Unsetenv = []string{"LANG"} }, "UnsetenvAll": func(o *Options) { o.UnsetenvAll = true },
		"HTTPProxy": func(o *Options) { o.HTTPProxy = true }, "Workdir": func(o *Options) { o.Workdir = "/w" },
		"User": func(o *Options) { o.User = "ana" }, "GroupAdd": func(o *Options) { o.GroupAdd = []string{"tty"} },
		"Umask": func(o *Options) { o.Umask = "077" }, "TZ": func(o *Options) { o.TZ = "local" },
		"Volume": func(o *Options) { o.Volume = []string{"/src:/s"} }, "Mount": func(o *Options) { o.Mount = []string{"type=tmpfs,dst=/m"} },
		"VolumesFrom": func(o *Options) { o.VolumesFrom = []string{"other"} },
		"Tmpfs":       func(o *Options) { o.Tmpfs = []string{"/t"} }, "ReadOnly": func(o *Options) { o.ReadOnly = true },
		"ReadOnlyTmpfs": func(o *Options) { o.ReadOnly, o.ReadOnlyTmpfs = true, false },
		"Device":        func(o *Options) { o.Device = []string{"/dev/fuse"} }, "ShmSize": func(o *Options) { o.ShmSize = "1m" },
		"Hostname": func(o *Options) { o.Hostname = "h" }, "Domainname": func(o *Options) { o.Domainname = "d" },
		"AddHost": func(o *Options) { o.AddHost = []string{"a:1.2.3.4"} }, "DNS": func(o *Options) { o.DNS = []string{"1.1.1.1"} },
		"DNSSearch": func(o *Options) { o.DNSSearch = []string{"lan"} }, "DNSOption": func(o *Options) { o.DNSOption = []string{"ndots:1"} },
		"HostsFile": func(o *Options) { o.HostsFile = "hosts" },
		"NoHosts":   func(o *Options) { o.NoHosts = true }, "NoHostname": func(o *Options) { o.NoHostname = true },
		"Network": func(o *Options) { o.Network = []string{"host"} }, "PID": func(o *Options) { o.PID = "host" },
		"IPC": func(o *Options) { o.IPC = "host" }, "UTS": func(o *Options) { o.UTS = "host" }, "Cgroupns": func(o *Options) { o.Cgroupns = "host" },
		"TimeOffset": func(o *Options) { o.TimeOffset = []string{"boottime=1"} }, "CapAdd": func(o *Options) { o.CapAdd = []string{"sys_ptrace"} },
		"CapDrop": func(o *Options) { o.CapDrop = []string{"kill"} }, "SecurityOpt": func(o *Options) { o.SecurityOpt = []string{"no-new-privileges"} },
		"Privileged": func(o *Options) { o.Privileged = true }, "Ulimit": func(o *Options) { o.Ulimit = []string{"core=0"} },
		"Sysctl": func(o *Options) { o.Sysctl = []string{"net.x=1"} }, "OOMScoreAdj": func(o *Options) { o.OOMScoreAdj = ptr(500) },
		"Systemd":     func(o *Options) { o.Systemd = "always" },
		"Limits":      func(o *Options) { o.Memory = "1g" },
		"HealthFlags": func(o *Options) { o.HealthCmd = "true" },
		"Name":        func(o *Options) { o.Name = "n" }, // a line of /etc/hosts
	}
	refused := map[string]func(*Options){
		"Replace": func(o *Options) { o.Replace = true }, "Pull": func(o *Options) { o.Pull = "often" },
		"Platform": func(o *Options) { o.Platform = "windows" }, "Rootfs": func(o *Options) { o.Rootfs, o.Pull = true, "never" },
		"VolumeDriver": func(o *Options) { o.VolumeDriver = "nfs" }, "ImageVolume": func(o *Options) { o.ImageVolume = "all" },
		"InitPath": func(o *Options) { o.InitPath = "/x" },
		"LogOpt":   func(o *Options) { o.LogOpt = []string{"x=y"} }, "Group": func(o *Options) { o.Cgroups = "some" },
		"NotifyFlags": func(o *Options) { o.SDNotify = "often" },
		"Userns":      func(o *Options) { o.Userns, o.UIDMap = "host", []string{"0:0:1"} },
	}
	typ := reflect.TypeFor[Options]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		switch {
		case set[name] != nil:
			s, e := mustBuild(t, ask(set[name]))
			if reflect.DeepEqual(s, base) && reflect.DeepEqual(e, baseExtra) {
				t.Errorf("%s changes nothing", name)
			}
		case refused[name] != nil:
			if _, _, err := Build(ask(refused[name])); err == nil {
				t.Errorf("%s is accepted", name)
			}
		case elsewhere[name] == "":
			t.Errorf("option %s has no reader and no test", name)
		}
	}
}

func BenchmarkBuildPlain(b *testing.B) {
	in := ask(func(o *Options) { o.Rm = true }, "true")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Build(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildDevcontainer(b *testing.B) {
	in := ask(func(o *Options) {
		o.Mount = []string{"type=bind,source=/src,target=/workspaces/x,consistency=cached"}
		o.Env, o.SecurityOpt, o.User = []string{"A=1", "B=2"}, []string{"label=disable"}, "ana"
		o.Volume, o.Tmpfs = []string{"/src:/s:ro", "./x:/x"}, []string{"/tmp:size=64m"}
	}, "-c", "echo")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Build(in); err != nil {
			b.Fatal(err)
		}
	}
}
