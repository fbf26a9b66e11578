package intent

import (
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// sigRTMin3 asks systemd as pid 1 to end all services and exit, systemd(1).
const sigRTMin3 = sigRTMin + 3

// systemdNever, systemdAuto and systemdAlways are the values of --systemd. Not given is auto, as in podman.
const (
	systemdNever  = "false"
	systemdAuto   = "true"
	systemdAlways = "always"
)

// systemdMounts are the memory file systems that systemd wants of a container manager, and podman gives it: what
// they hold belongs to one boot. The journal's makes journald keep it at all, and in memory.
var systemdMounts = [...]struct{ path, mode string }{
	{"/run", "0755"}, {"/run/lock", "1777"}, {"/tmp", "1777"}, {"/var/log/journal", "0755"},
}

// NeedsSystemd says that the container must be fit for systemd as pid 1, or not be.
func (o *Options) NeedsSystemd() bool { return strings.ToLower(o.Systemd) == systemdAlways }

func (o *Options) checkSystemd() error {
	switch strings.ToLower(o.Systemd) {
	case "", systemdNever, systemdAuto:
		return nil
	case systemdAlways:
	default:
		return invalid("--systemd", o.Systemd, "true, false and always are possible")
	}
	for _, c := range []struct {
		bad    bool
		b, why string
	}{
		{o.Init, "--init", "both want to be process 1"},
		{o.PID == "host" || strings.HasPrefix(o.PID, "container:"), "--pid " + o.PID, "systemd must be process 1"},
		{o.Cgroupns == "host" || strings.HasPrefix(o.Cgroupns, "container:"), "--cgroupns " + o.Cgroupns, "systemd makes cgroups below its own"},
		{o.Cgroups == "disabled", "--cgroups disabled", "systemd makes cgroups below its own"},
	} {
		if c.bad {
			return conflict("--systemd always", c.b, c.why)
		}
	}
	return nil
}

// startsSystemd tells by the command, as podman does: systemd of any path, or init of the usual ones.
func startsSystemd(args []string) bool {
	if len(args) == 0 {
		return false
	}
	switch args[0] {
	case "/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init":
		return true
	}
	return path.Base(args[0]) == "systemd"
}

// systemd decides whether the container is one for systemd, and how it is stopped then. What the user or the image says
// of the signal stays.
func (b *builder) systemd() error {
	switch strings.ToLower(b.o.Systemd) {
	case systemdNever:
		return nil
	case systemdAlways:
		b.isSystemd = true
	default:
		b.isSystemd = startsSystemd(b.spec.Process.Args) && !b.o.Init && b.ns.pid.private() && b.ns.cgroup.private()
	}
	if b.isSystemd && b.o.StopSignal == "" && (b.Image == nil || b.Image.StopSignal == "") {
		b.extra.StopSignal = sigRTMin3
	}
	return nil
}

// systemdEnv says what systemd reads of a container manager (systemd's CONTAINER_INTERFACE): container= is there always.
func (b *builder) systemdEnv(e *environ) {
	if !b.isSystemd {
		return
	}
	// machine-id(5) takes this where /etc/machine-id is empty: each container is a machine of its own.
	e.set("container_uuid=" + b.ID[:min(len(b.ID), 32)])
	e.set("TERM=xterm")
}

// addSystemdMounts mounts what nobody else mounts.
func (b *builder) addSystemdMounts() error {
	if !b.isSystemd {
		return nil
	}
	for _, s := range systemdMounts {
		taken := slices.ContainsFunc(b.user, func(m specs.Mount) bool { return m.Destination == s.path })
		if taken || s.path != "/run/lock" && b.covered(s.path) {
			continue
		}
		b.user = append(b.user, specs.Mount{Destination: s.path, Type: "tmpfs", Source: "tmpfs",
			Options: []string{"rprivate", "nosuid", "nodev", "mode=" + s.mode}})
	}
	return nil
}
