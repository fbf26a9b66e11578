package processes

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Members lists the processes in pid namespaces, given by their inodes: the pids
// here of those in each, and in those below it, in ascending order. One look at
// /proc serves for all. Processes that this one may not look into belong to
// others, and are left out.
func Members(namespaces ...uint64) (map[uint64][]int, error) {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	wanted := make(map[uint64]bool, len(namespaces))
	for _, ns := range namespaces {
		wanted[ns] = true
	}
	found := make(map[uint64][]int)
	// above are the wanted namespaces that another one is in, or is.
	own := Namespace(0)
	above := map[uint64][]uint64{own: nil}
	if wanted[own] {
		above[own] = []uint64{own}
	}
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	for _, pid := range pids {
		ns := Namespace(pid)
		if ns == 0 {
			continue
		}
		list, known := above[ns]
		if !known {
			if list, known = around(pid, wanted); !known {
				continue // it has ended
			}
			above[ns] = list
		}
		for _, w := range list {
			found[w] = append(found[w], pid)
		}
	}
	return found, nil
}

// Namespace is the inode of a process's pid namespace, 0 if it cannot be told; pid
// 0 is the caller.
func Namespace(pid int) uint64 {
	if pid == 0 {
		return inode("/proc/self/ns/pid")
	}
	return inode("/proc/" + strconv.Itoa(pid) + "/ns/pid")
}

// Within tells whether a process is in a pid namespace, or in one below it. One
// that has ended is not.
func Within(pid int, ns uint64) bool { return within(pid, ns) }

// StatOf is what /proc/PID/stat says, zero if there is no such process.
func StatOf(pid int) Stat {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Stat{}
	}
	st, _ := parseStat(string(b))
	return st
}

// around lists the wanted namespaces in which the process is, from its own on
// outwards; not ok if it has ended.
func around(pid int, wanted map[uint64]bool) (list []uint64, ok bool) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	for err == nil {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && wanted[st.Ino] {
			list = append(list, st.Ino)
		}
		// EPERM above the caller's own (ioctl_ns(2), Linux 4.9).
		var parent int
		parent, err = unix.IoctlRetInt(fd, unix.NS_GET_PARENT)
		unix.Close(fd)
		fd = parent
	}
	return list, true
}
