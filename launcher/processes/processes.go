// Package processes tells what runs in a container, as seen from outside and from
// inside, from the kernel's own files (proc_pid_stat(5), proc_pid_status(5)).
// Nothing of the container is executed. Start from [List].
package processes

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one process.
type Process struct {
	Stat
	Status
	// PID and PPID are as they are seen in the container; a parent outside is 0.
	PID, PPID int
	// UID and GID are the effective ids in the container's user namespace, Outside
	// for those that it does not have.
	UID, GID int
	// HostPID is the pid here.
	HostPID int
	Args    []string // none of a kernel thread or a zombie
	Started time.Time
}

// Outside is the id that stands for those without one (user_namespaces(7)).
const Outside = 65534

// ticks is USER_HZ, in which the kernel counts time for programs (time(7)): 100
// on all that Go runs on.
const ticks = 100

// List returns the processes of the container whose first process is given, in the
// order of their pids: those in its pid namespace and in those below, or, when
// that is this process's own, the first one, what its supervisor started beside
// it, and what descends from them.
func List(first int) ([]Process, error) {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	boot := bootTime()
	all := make(map[int]*Process)
	var order []int
	for _, n := range names { // sorted by name: by pid below
		pid, err := strconv.Atoi(n.Name())
		if err != nil {
			continue
		}
		if p, ok := read(pid, boot); ok {
			all[pid] = p
			order = append(order, pid)
		}
	}
	head := all[first]
	if head == nil {
		return nil, os.ErrProcessDone
	}
	var inside func(pid int) bool
	if own, its := inode("/proc/self/ns/pid"), inode("/proc/"+strconv.Itoa(first)+"/ns/pid"); own == its {
		mounts := inode("/proc/" + strconv.Itoa(first) + "/ns/mnt")
		inside = func(pid int) bool {
			at := pid
			for range all {
				p := all[at]
				switch {
				case at == first:
					return true
				case p == nil:
					return false
				case p.HostPPID == head.HostPPID: // exec's, or the supervisor's own helpers
					return inode("/proc/"+strconv.Itoa(pid)+"/ns/mnt") == mounts
				}
				at = p.HostPPID
			}
			return false
		}
	} else {
		inside = func(pid int) bool { return len(all[pid].NSpid) >= len(head.NSpid) && within(pid, its) }
	}
	depth := len(head.NSpid) - 1
	uids, gids := idMap(first, "uid_map"), idMap(first, "gid_map")
	mine := make(map[int]bool)
	for _, pid := range order {
		mine[pid] = inside(pid)
	}
	var list []Process
	for _, pid := range order {
		if !mine[pid] {
			continue
		}
		p := all[pid]
		p.PID = p.NSpid[depth]
		if parent := all[p.HostPPID]; parent != nil && mine[p.HostPPID] {
			p.PPID = parent.NSpid[depth]
		}
		p.UID, p.GID = translate(uids, p.HostUID), translate(gids, p.HostGID)
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Process) int { return a.PID - b.PID })
	return list, nil
}

// read reads one process, unless it has ended.
func read(pid int, boot time.Time) (*Process, bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return nil, false
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return nil, false
	}
	p := &Process{HostPID: pid}
	var ok bool
	if p.Stat, ok = parseStat(string(stat)); !ok {
		return nil, false
	}
	if p.Status, ok = parseStatus(string(status)); !ok {
		return nil, false
	}
	p.Started = boot.Add(p.StartedAfter)
	if args, err := os.ReadFile(dir + "cmdline"); err == nil && len(args) > 0 {
		p.Args = strings.Split(strings.TrimSuffix(string(args), "\x00"), "\x00")
	}
	return p, true
}

// within tells whether a process is in the pid namespace, or in one below it.
func within(pid int, ns uint64) bool {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	for {
		var st unix.Stat_t
		err := unix.Fstat(fd, &st)
		if err == nil && st.Ino == ns {
			unix.Close(fd)
			return true
		}
		// EPERM above the caller's own (ioctl_ns(2), Linux 4.9).
		parent, perr := unix.IoctlRetInt(fd, unix.NS_GET_PARENT)
		unix.Close(fd)
		if err != nil || perr != nil {
			return false
		}
		fd = parent
	}
}

func inode(path string) uint64 {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0
	}
	return st.Ino
}
