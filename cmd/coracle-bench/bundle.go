package main

import (
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/userns"
)

// defaultCaps are podman's default capabilities, and coracle's.
func defaultCaps() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
		"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
}

// bundle is what an OCI runtime is to run.
type bundle struct {
	root    string
	command []string
	grant   userns.Grant
	seccomp *specs.LinuxSeccomp // nil: none
	cgroup2 bool
}

// write makes the bundle's directory.
func (b bundle) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "config.json"), b.spec())
}

// spec asks an OCI runtime for what coracle does when it is not told anything.
// The runtime calls newuidmap itself.
func (b bundle) spec() *specs.Spec {
	caps := defaultCaps()
	s := &specs.Spec{
		Version:  "1.0.2",
		Hostname: "bench",
		Root:     &specs.Root{Path: b.root},
		Process: &specs.Process{
			Args: b.command, Cwd: "/", Env: []string{"PATH=" + searchPath, "HOME=/root", "TERM=dumb"},
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: b.ptsOptions()},
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
			{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		},
		Linux: &specs.Linux{
			UIDMappings: mappings(b.grant.UIDs),
			GIDMappings: mappings(b.grant.GIDs),
			Seccomp:     b.seccomp,
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	for _, ns := range []specs.LinuxNamespaceType{
		specs.UserNamespace, specs.MountNamespace, specs.PIDNamespace, specs.NetworkNamespace,
		specs.UTSNamespace, specs.IPCNamespace, specs.CgroupNamespace,
	} {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: ns})
	}
	if b.cgroup2 {
		s.Mounts = append(s.Mounts, specs.Mount{
			Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"},
		})
	}
	return s
}

// ptsOptions leave the group tty out where it is not mapped: devpts refuses it.
func (b bundle) ptsOptions() []string {
	options := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	if _, mapped := b.grant.GIDs.ToOutside(5); mapped {
		options = append(options, "gid=5")
	}
	return options
}

func mappings(m userns.IDMap) []specs.LinuxIDMapping {
	var out []specs.LinuxIDMapping
	for _, e := range m {
		out = append(out, specs.LinuxIDMapping{ContainerID: e.Inside, HostID: e.Outside, Size: e.Size})
	}
	return out
}
