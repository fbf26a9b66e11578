package intent

import (
	"errors"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		kind   error
		text   string
	}{
		{"bad name", func(o *Options) { o.Name = "../x" }, ErrInvalid, "--name"},
		{"replace", func(o *Options) { o.Replace = true }, ErrConflict, "--replace needs --name"},
		{"pull", func(o *Options) { o.Pull = "sometimes" }, ErrInvalid, "--pull"},
		{"pull of rootfs", func(o *Options) { o.Rootfs, o.Pull = true, "always" }, ErrConflict, "--rootfs"},
		{"platform of rootfs", func(o *Options) { o.Rootfs, o.Arch = true, "arm64" }, ErrConflict, "--rootfs"},
		{"rootfs without", func(o *Options) { o.Rootfs, o.Argv = true, nil }, ErrInvalid, "directory is missing"},
		{"rootfs option", func(o *Options) { o.Rootfs, o.Argv = true, []string{"/x:ro"} }, ErrInvalid, "DIR:O"},
		{"rootfs idmap", func(o *Options) { o.Rootfs, o.Argv = true, []string{"/x:idmap=0"} }, ErrNotYet, "idmap"},
		{"rootfs empty", func(o *Options) { o.Rootfs, o.Argv = true, []string{":O"} }, ErrInvalid, "empty"},
		{"init path", func(o *Options) { o.InitPath = "/x" }, ErrUnsupported, "--init"},
		{"systemd init", func(o *Options) { o.Systemd, o.Init = "always", true }, ErrConflict, "--systemd"},
		{"systemd pid", func(o *Options) { o.Systemd, o.PID = "always", "host" }, ErrConflict, "--systemd"},
		{"systemd cgroupns", func(o *Options) { o.Systemd, o.Cgroupns = "always", "host" }, ErrConflict, "--systemd"},
		{"systemd cgroups", func(o *Options) { o.Systemd, o.Cgroups = "always", "disabled" }, ErrConflict, "--systemd"},
		{"systemd word", func(o *Options) { o.Systemd = "maybe" }, ErrInvalid, "--systemd"},
		{"log path of the journal", func(o *Options) { o.LogDriver, o.LogOpt = "journald", []string{"path=/x"} }, ErrInvalid, "journald"},
		{"log driver word", func(o *Options) { o.LogDriver = "syslog" }, ErrInvalid, "k8s-file"},
		{"log size", func(o *Options) { o.LogOpt = []string{"max-size=1"} }, ErrInvalid, "4k"},
		{"log files", func(o *Options) { o.LogOpt = []string{"max-file=0"} }, ErrInvalid, "max-file"},
		{"detached passthrough", func(o *Options) { o.Detach, o.LogDriver = true, "passthrough" }, ErrConflict, "--detach"},
		{"detached descriptors", func(o *Options) { o.Detach, o.PreserveFDs = true, 1 }, ErrConflict, "--preserve-fds"},
		{"oom", func(o *Options) { o.OOMScoreAdj = ptr(1001) }, ErrInvalid, "1000"},
		{"fds", func(o *Options) { o.PreserveFDs = 1 << 20 }, ErrInvalid, "--preserve-fds"},
		{"hostname", func(o *Options) { o.Hostname = "a b" }, ErrInvalid, "--hostname"},
		{"domainname", func(o *Options) { o.Domainname = strings.Repeat("a.", 33) + "a" }, ErrInvalid, "64"},
		{"tty passthrough", func(o *Options) { o.TTY, o.LogDriver = true, "passthrough" }, ErrConflict, "--tty"},
		{"hosts", func(o *Options) { o.NoHosts, o.AddHost = true, []string{"a:1.2.3.4"} }, ErrConflict, "--no-hosts"},
		{"hosts of another", func(o *Options) { o.Network, o.AddHost = []string{"container:x"}, []string{"a:1.2.3.4"} }, ErrConflict, "--add-host"},
		{"dns of another", func(o *Options) { o.Network, o.DNS = []string{"container:x"}, []string{"1.1.1.1"} }, ErrConflict, "--dns"},
		{"keep groups", func(o *Options) { o.GroupAdd = []string{"keep-groups", "tty"} }, ErrConflict, "keep-groups"},
		{"maps and mode", func(o *Options) { o.Userns, o.UIDMap = "host", []string{"0:0:1"} }, ErrConflict, "--uidmap"},
		{"names and mode", func(o *Options) { o.Userns, o.SubUIDName = "auto", "x" }, ErrConflict, "--subuidname"},
		{"maps and names", func(o *Options) { o.GIDMap, o.SubGIDName = []string{"0:0:1"}, "x" }, ErrConflict, "--subuidname"},
		{"volume", func(o *Options) { o.Volume = []string{"a:b:c:d"} }, ErrInvalid, "--volume"},
		{"mount", func(o *Options) { o.Mount = []string{"type=bind"} }, ErrInvalid, "--mount"},
		{"tmpfs", func(o *Options) { o.Tmpfs = []string{"x"} }, ErrInvalid, "--tmpfs"},
		{"device", func(o *Options) { o.Device = []string{"/dev/x:/dev/y:q"} }, ErrInvalid, "--device"},
		{"add host", func(o *Options) { o.AddHost = []string{"x"} }, ErrInvalid, "--add-host"},
		{"env", func(o *Options) { o.Env = []string{"=x"} }, ErrInvalid, "--env"},
		{"label", func(o *Options) { o.Label = []string{""} }, ErrInvalid, "--label"},
		{"sysctl", func(o *Options) { o.Sysctl = []string{"net.x"} }, ErrInvalid, "--sysctl"},
		{"time", func(o *Options) { o.TimeOffset = []string{"realtime=1"} }, ErrInvalid, "--time-offset"},
		{"ulimit", func(o *Options) { o.Ulimit = []string{"files=1"} }, ErrInvalid, "--ulimit"},
		{"security", func(o *Options) { o.SecurityOpt = []string{"foo=bar"} }, ErrInvalid, "--security-opt"},
		{"cap", func(o *Options) { o.CapAdd = []string{"FLY"} }, ErrInvalid, "--cap-add"},
		{"user", func(o *Options) { o.User = "+1" }, ErrInvalid, "--user"},
		{"signal", func(o *Options) { o.StopSignal = "SIGNOPE" }, ErrInvalid, "--stop-signal"},
		{"pid", func(o *Options) { o.PID = "hosts" }, ErrInvalid, "--pid"},
		{"network", func(o *Options) { o.Network = []string{"pasta:1500"} }, ErrInvalid, "pasta:--mtu,1500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := ask(c.change)
			wantErr(t, in.Options.Check(), c.kind, c.text)
			if _, _, err := Build(in); !errors.Is(err, c.kind) {
				t.Errorf("Build says %v", err)
			}
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	for _, change := range []func(*Options){
		nil,
		func(o *Options) { o.Name, o.Replace = "web.1-a_b", true },
		func(o *Options) { o.Pull, o.Systemd, o.LogDriver = "newer", "false", "passthrough" },
		func(o *Options) { o.Userns, o.UIDMap = "private", []string{"0:0:1"} },
		func(o *Options) { o.PID, o.Init = "host", true },
		func(o *Options) { o.Ulimit, o.Env = []string{"host"}, []string{"A", "B*", "C="} },
		func(o *Options) {
			o.SecurityOpt = []string{"label=disable", "apparmor=unconfined", "seccomp=unconfined"}
		},
	} {
		in := ask(change)
		if err := in.Options.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestRootfs(t *testing.T) {
	for arg, want := range map[string]struct {
		dir     string
		overlay bool
	}{"/a/b/": {"/a/b", false}, "./x:O": {"x", true}, "x": {"x", false}} {
		dir, overlay, err := Rootfs(arg)
		if err != nil || dir != want.dir || overlay != want.overlay {
			t.Errorf("%s: %s %v %v", arg, dir, overlay, err)
		}
	}
}

func TestErrorText(t *testing.T) {
	err := error(fail(ErrUnsupported, "cannot x %d", 1).fix("do %s", "y"))
	if err.Error() != "cannot x 1\n  fix: do y" || !errors.Is(err, ErrUnsupported) || errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if got := notYet("a", "").Error(); got != "not yet available in this version: a" {
		t.Error(got)
	}
	if _, _, _, err := cutKey("--x", "a\x00=b"); err == nil {
		t.Error("a NUL byte is accepted")
	}
}
