package intent

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"coracle/slirp/networks"
	"coracle/storage/volume"
)

// View is the root file system of the container before anything is mounted. Names are given without a
// leading slash ("etc/passwd"); links are followed beneath the root, never out of it.
type View interface {
	// ReadFile reads a regular file of at most limit bytes. It fails with fs.ErrNotExist when there is
	// none, and with another error when it is larger or not a regular file: an image may hold
	// `/etc/passwd → /dev/stdin`, a FIFO, or ten sparse gigabytes (CVE-2024-9676).
	ReadFile(name string, limit int64) ([]byte, error)
	// Resolve follows the links of name and gives where it ends and what is there.
	Resolve(name string) (path string, mode fs.FileMode, exists bool, err error)
}

// ImageConfig is what an image says about the process. A nil *ImageConfig means --rootfs. Healthchecks and
// exposed ports are not read in this version.
type ImageConfig struct {
	User       string
	Env        []string
	Entrypoint []string
	Cmd        []string
	Volumes    map[string]struct{}
	WorkingDir string
	Labels     map[string]string
	StopSignal string
	// ExposedPorts are "80/tcp" and the like.
	ExposedPorts []string
	// Healthcheck is the image's, nil for none.
	Healthcheck *Healthcheck
}

// Maps says which ids the container has. UIDs and GIDs map container ids to ids of the base user namespace.
type Maps struct {
	UIDs, GIDs []specs.LinuxIDMapping
	// Host: no user namespace of its own is made (--userns host). UIDs and GIDs then only say which ids
	// exist, and may be empty when all do.
	Host bool
	// Join is the container whose user namespace is shared, "" for none. UIDs and GIDs are its maps.
	Join string
	// NoGroups: setgroups(2) is denied, as it is in a map of one id made without privilege
	// (user_namespaces(7)). No additional group can be set then.
	NoGroups bool
	// Keep is the user to run as when neither the command line nor the image names one (keep-id).
	Keep *IDs
}

// IDs is a user id and a group id of the container.
type IDs struct{ UID, GID uint32 }

// Stat is what Build asks about a path of the host, links followed.
type Stat struct {
	Mode fs.FileMode
	// The flags of the mount the path is on. An unprivileged user namespace may add to them and cannot take
	// them away (mount_namespaces(7), locked mounts).
	NoExec, NoSUID, NoDev bool
}

// Rlimit is a pair of getrlimit(2); infinity is the largest uint64.
type Rlimit struct{ Soft, Hard uint64 }

// HostFacts is what is known about this host and the caller. The function fields are called only when an
// option needs them, so a plain run pays for none; a nil one counts as "nothing there".
type HostFacts struct {
	Cwd      string // caller's working directory, absolute
	Hostname string
	LastCap  int  // /proc/sys/kernel/cap_last_cap
	Cgroup2  bool // /sys/fs/cgroup is cgroup2 (unified)
	TimeNS   bool // the kernel has time namespaces (5.6)
	SELinux  bool // SELinux is enabled
	// Terminal is the size of the caller's terminal, nil when stdin is not one.
	Terminal *specs.Box
	// OOMScoreAdj is the caller's own /proc/self/oom_score_adj.
	OOMScoreAdj int
	// Rlimits by kernel name without RLIMIT_, lower case ("nofile"), as the caller has them.
	Rlimits map[string]Rlimit
	// Gateway is the address under which the container reaches the host, "" when there is none.
	Gateway string

	// LookPath finds a program of the host.
	LookPath func(name string) (string, error)
	// TUN tells why this user cannot open /dev/net/tun, nil when he can.
	TUN       func() error
	LookupEnv func(name string) (string, bool)
	// Network looks a user network up by name, id or the beginning of one.
	Network func(ref string) (*networks.Network, error)
	Environ func() []string
	// ReadFile reads at most limit bytes of a host file and fails when it is longer. It must accept pipes,
	// for --env-file <(…).
	ReadFile func(name string, limit int64) ([]byte, error)
	Stat     func(name string) (Stat, error)
	// Devices lists the device nodes at or below a host directory that the caller may open, as absolute
	// paths, sorted, without /dev/pts, /dev/shm and the nodes every container has.
	Devices func(dir string) ([]string, error)
	// MountsOf lists what another container has mounted on demand, for --volumes-from.
	MountsOf func(container string) ([]volume.Mount, error)
	// Thermal lists /sys/devices/system/cpu/cpu*/thermal_throttle as far as they exist.
	Thermal func() []string
}

func (h *HostFacts) lookupEnv(name string) (string, bool) {
	if h.LookupEnv == nil {
		return "", false
	}
	return h.LookupEnv(name)
}

func (h *HostFacts) readFile(name string, limit int64) ([]byte, error) {
	if h.ReadFile == nil {
		return nil, fs.ErrNotExist
	}
	return h.ReadFile(name, limit)
}

func (h *HostFacts) stat(name string) (Stat, error) {
	if h.Stat == nil {
		return Stat{}, fs.ErrNotExist
	}
	return h.Stat(name)
}

// mapped reports whether a container id exists under these maps; no map at all means every id does.
func mapped(m []specs.LinuxIDMapping, id uint32) bool {
	for _, e := range m {
		if id >= e.ContainerID && id-e.ContainerID < e.Size {
			return true
		}
	}
	return len(m) == 0
}

// ranges writes the container ids of a map for a message: "0-999, 2000".
func ranges(m []specs.LinuxIDMapping) string {
	var b strings.Builder
	for i, e := range m {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatUint(uint64(e.ContainerID), 10))
		if e.Size > 1 {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(uint64(e.ContainerID)+uint64(e.Size)-1, 10))
		}
	}
	return b.String()
}
