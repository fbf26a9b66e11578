package intent

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// defaultShmSize is docker's and podman's.
const defaultShmSize = 64 << 20

// mounts puts together docker's mounts and the ones that were asked for. The latter replace a default of
// the same destination, and /dev all below it. The list is sorted by depth, so that nothing is covered by
// what comes after; docker's order stays among equals.
func (b *builder) mounts() error {
	list := make([]specs.Mount, 0, 10+len(b.user))
	add := func(m specs.Mount) {
		if b.dests[m.Destination] == "" && (b.dests["/dev"] == "" || !strings.HasPrefix(m.Destination, "/dev/")) {
			list = append(list, m)
		}
	}
	add(b.procMount())
	add(specs.Mount{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: b.devOptions()})
	add(b.devpts())
	add(b.sysMount())
	if m, ok := b.cgroupMount(); ok {
		add(m)
	}
	if m, ok := b.mqueueMount(); ok {
		add(m)
	}
	m, ok, err := b.shmMount()
	if err != nil {
		return err
	}
	if ok {
		add(m)
	}
	list = append(list, b.user...)
	slices.SortStableFunc(list, func(x, y specs.Mount) int {
		return strings.Count(x.Destination, "/") - strings.Count(y.Destination, "/")
	})
	b.spec.Mounts = list
	b.spec.Linux.RootfsPropagation = rootPropagation(b.user)
	return nil
}

// rootPropagation is what the root has to be for the mounts that were asked for to get or give mounts, as
// docker sets it. "" leaves it private.
func rootPropagation(user []specs.Mount) string {
	out := ""
	for _, m := range user {
		for _, o := range m.Options {
			switch o {
			case "shared", "rshared":
				return "rshared"
			case "slave", "rslave":
				out = "rslave"
			}
		}
	}
	return out
}

// procMount is a new procfs, or the host's when the pid namespace is: the kernel gives a new one only to the
// owner of the pid namespace.
func (b *builder) procMount() specs.Mount {
	if b.ns.pid.host {
		return specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc",
			Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev"}}
	}
	return specs.Mount{Destination: "/proc", Type: "proc", Source: "proc",
		Options: append([]string{"nosuid", "noexec", "nodev"}, b.sec.procOpts...)}
}

func (b *builder) devOptions() []string {
	opts := []string{"nosuid", "strictatime", "mode=755", "size=65536k"}
	if b.o.ReadOnly && !b.o.ReadOnlyTmpfs {
		opts = append(opts, "ro") // podman: nothing at all is writable then
	}
	return opts
}

// devpts names gid 5, tty in every distribution, when the container has it: an id that is not mapped is
// EINVAL.
func (b *builder) devpts() specs.Mount {
	m := specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
		Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}}
	if !mapped(b.Maps.GIDs, 5) {
		m.Options = m.Options[:5]
	}
	return m
}

// ownsNet: a sysfs can be mounted only by the owner of the network namespace it shows.
func (b *builder) ownsNet() bool {
	n := b.ns.net
	return n.private() || n.join != "" && n.join == b.Maps.Join
}

func (b *builder) sysMount() specs.Mount {
	if b.ownsNet() {
		m := specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}}
		if b.o.Privileged {
			m.Options = m.Options[:3]
		}
		return m
	}
	// Read-only all the way down, privileged or not: below it lies the host's cgroup tree, of which a part
	// belongs to the user (CVE-2023-25809).
	return specs.Mount{Destination: "/sys", Type: "bind", Source: "/sys",
		Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev", "rro"}}
}

// cgroupMount shows the unified hierarchy. On a host with cgroup v1 there is none: its hierarchies cannot
// be mounted one by one without privilege. The host's cgroup namespace can only be bound, and then read-only.
func (b *builder) cgroupMount() (specs.Mount, bool) {
	if !b.Host.Cgroup2 {
		return specs.Mount{}, false
	}
	c := b.ns.cgroup
	if c.host {
		return specs.Mount{Destination: "/sys/fs/cgroup", Type: "bind", Source: "/sys/fs/cgroup",
			Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev", "rro"}}, true
	}
	m := specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
		Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"}}
	if b.cgroupWritable() {
		m.Options = m.Options[:4]
	}
	return m, true
}

// mqueueMount is the message queues of the ipc namespace; the host's are bound when there are any.
func (b *builder) mqueueMount() (specs.Mount, bool) {
	if !b.ns.ipc.host {
		return specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue",
			Options: []string{"nosuid", "noexec", "nodev"}}, true
	}
	if _, err := b.Host.stat("/dev/mqueue"); err != nil {
		return specs.Mount{}, false
	}
	return specs.Mount{Destination: "/dev/mqueue", Type: "bind", Source: "/dev/mqueue",
		Options: []string{"bind", "rprivate", "nosuid", "noexec", "nodev"}}, true
}

// shmMount is /dev/shm: a tmpfs of its own, the host's or the other container's with a shared ipc
// namespace, nothing with --ipc none.
func (b *builder) shmMount() (m specs.Mount, ok bool, err error) {
	ipc := b.ns.ipc
	if b.o.ShmSize != "" && !(ipc.private() && !ipc.none) {
		return m, false, conflict("--shm-size", "--ipc "+b.o.IPC, "/dev/shm is not the container's own")
	}
	source := ""
	switch {
	case ipc.none:
		return m, false, nil
	case ipc.host:
		source = "/dev/shm"
	case ipc.join != "":
		source = "container:" + ipc.join
	}
	if source != "" {
		return specs.Mount{Destination: "/dev/shm", Type: "bind", Source: source,
			Options: []string{"bind", "rprivate", "nosuid", "noexec", "nodev"}}, true, nil
	}
	size := int64(defaultShmSize)
	if s := b.o.ShmSize; s != "" {
		if size, ok = parseSize(s); !ok || size <= 0 {
			return m, false, invalid("--shm-size", s, "a size such as 64m is wanted")
		}
	}
	m = specs.Mount{Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
		Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=" + strconv.FormatInt(size, 10)}}
	if b.o.ReadOnly && !b.o.ReadOnlyTmpfs {
		m.Options = append(m.Options, "ro")
	}
	return m, true, nil
}
