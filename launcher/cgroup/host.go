package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Way is how a container gets a cgroup on this host.
type Way string

// The ways.
const (
	// Systemd: the user's manager, for root the system's, makes a transient scope
	// and hands it over; the container's cgroup is made inside.
	Systemd Way = "systemd"
	// Files: a directory is made in a part of the version 2 hierarchy that is the
	// user's to write.
	Files Way = "files"
	// V1: directories are made in version 1 hierarchies, which root may.
	V1 Way = "version 1"
	// None: there is no cgroup, and no limit.
	None Way = "none"
)

// Controllers are those behind the limits of `run`, by their names in version 2.
func Controllers() []string { return []string{"cpu", "cpuset", "io", "memory", "pids"} }

// Host is what a host allows a user.
type Host struct {
	Way Way
	UID int
	// Own is the cgroup of this process.
	Own Group
	// Root is where the version 2 hierarchy is mounted, empty if it is not.
	Root string
	// Manager is the cgroup of the systemd manager that is asked for scopes.
	Manager string
	// Bus is the socket of that manager's bus.
	Bus string
	// Delegated are the controllers that a container's cgroup can have.
	Delegated []string
	// chain are the directories from the own one upwards that are the user's.
	chain []string
	// Why says of None what is missing, and Fix what to do about it.
	Why, Fix string
}

// View is how Find looks at a host.
type View struct {
	UID      int
	Getenv   func(string) string
	ReadFile func(string) ([]byte, error)
	Exists   func(string) bool
	// Writable is access(2) with W_OK and the effective ids.
	Writable func(string) bool
}

// Real is the host that this process runs on.
func Real() View {
	return View{
		UID: os.Geteuid(), Getenv: os.Getenv, ReadFile: os.ReadFile,
		Exists:   func(p string) bool { return unix.Access(p, unix.F_OK) == nil },
		Writable: writable,
	}
}

func writable(p string) bool {
	return unix.Faccessat(unix.AT_FDCWD, p, unix.W_OK, unix.AT_EACCESS) == nil
}

// systemdRuns is there when systemd is pid 1: sd_booted(3).
const systemdRuns = "/run/systemd/system"

// Find decides how containers get cgroups. It reads a dozen small files and changes
// nothing.
func Find(v View) *Host {
	h := &Host{Way: None, UID: v.UID}
	lines, err := v.ReadFile("/proc/self/cgroup")
	if err == nil {
		var info []byte
		if info, err = v.ReadFile("/proc/self/mountinfo"); err == nil {
			mounts := parseMounts(string(info))
			h.Own = locate(mounts, string(lines))
			for _, m := range mounts {
				if m.v2 && h.Root == "" {
					h.Root = m.at
				}
			}
		}
	}
	switch {
	case err != nil:
		h.Why, h.Fix = "cannot read /proc: "+err.Error(), "mount -t proc proc /proc"
	case !h.Own.Exists():
		h.Why, h.Fix = "no cgroup file system is mounted that shows the cgroup of this process", "sudo mount -t cgroup2 none /sys/fs/cgroup"
	case !h.Own.V2():
		h.version1(v)
	case h.systemd(v):
		h.Way = Systemd
	default:
		h.files(v)
	}
	return h
}

// version1 is root's alone: below /sys/fs/cgroup nothing is delegated there.
func (h *Host) version1(v View) {
	dir, ok := h.Own.Dir("memory")
	if v.UID != 0 || !ok || !v.Writable(filepath.Join(dir, "cgroup.procs")) {
		h.Why = "the limits of this host are cgroup version 1's, which only root can set"
		h.Fix = "add systemd.unified_cgroup_hierarchy=1 to the kernel command line and reboot"
		return
	}
	h.Way = V1
	for _, c := range Controllers() {
		if _, ok := h.Own.Dir(c); ok {
			h.Delegated = append(h.Delegated, c)
		}
	}
}

// systemd looks for a manager that can make a scope.
func (h *Host) systemd(v View) bool {
	if !v.Exists(systemdRuns) {
		return false
	}
	h.Manager = h.Root
	h.Bus = "/run/dbus/system_bus_socket"
	if v.UID != 0 {
		uid := strconv.Itoa(v.UID)
		h.Manager = filepath.Join(h.Root, "user.slice", "user-"+uid+".slice", "user@"+uid+".service")
		h.Bus = sessionBus(v)
	}
	if h.Bus == "" || !v.Exists(h.Bus) {
		return false
	}
	text, err := v.ReadFile(filepath.Join(h.Manager, "cgroup.controllers"))
	if err != nil {
		return false
	}
	h.Delegated = known(string(text))
	return true
}

// sessionBus is the socket of the first unix:path= address of
// DBUS_SESSION_BUS_ADDRESS, else the default of sd-bus.
func sessionBus(v View) string {
	for addr := range strings.SplitSeq(v.Getenv("DBUS_SESSION_BUS_ADDRESS"), ";") {
		if rest, ok := strings.CutPrefix(addr, "unix:path="); ok {
			path, _, _ := strings.Cut(rest, ",")
			return path
		}
	}
	if dir := v.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "bus")
	}
	return filepath.Join("/run/user", strconv.Itoa(v.UID), "bus")
}

// files finds the part of the hierarchy that is the user's: this process's cgroup,
// and those above it. A process can be moved within it (cgroups(7), delegation
// containment).
func (h *Host) files(v View) {
	for dir := h.Own.Unified; strings.HasPrefix(dir, h.Root); dir = filepath.Dir(dir) {
		if !v.Writable(dir) || !v.Writable(filepath.Join(dir, "cgroup.procs")) {
			break
		}
		h.chain = append(h.chain, dir)
		if dir == h.Root {
			break
		}
	}
	if len(h.chain) == 0 {
		h.Why = fmt.Sprintf("no part of the cgroup tree is uid %d's to write", v.UID)
		h.Fix = "start it in a cgroup that is delegated: sudo chown " + strconv.Itoa(v.UID) + " " + h.Own.Unified + " and its cgroup.procs and cgroup.subtree_control"
		if v.Exists(systemdRuns) {
			h.Fix = "log in through systemd-logind (not su or sudo), or: sudo loginctl enable-linger " + strconv.Itoa(v.UID)
		}
		return
	}
	h.Way = Files
	text, _ := v.ReadFile(filepath.Join(h.chain[len(h.chain)-1], "cgroup.controllers"))
	h.Delegated = known(string(text))
}

// known are the controllers of a list that limits need.
func known(list string) (c []string) {
	for _, f := range strings.Fields(list) {
		if slices.Contains(Controllers(), f) {
			c = append(c, f)
		}
	}
	slices.Sort(c)
	return c
}

// At is the highest directory that is the user's, below the hierarchy's root.
func (h *Host) At() string {
	if len(h.chain) == 0 {
		return ""
	}
	return "/" + strings.Trim(strings.TrimPrefix(h.chain[len(h.chain)-1], h.Root), "/")
}
