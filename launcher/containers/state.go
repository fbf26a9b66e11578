package containers

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// stateFact is the fact that a running container's supervisor leaves: one line
// "PID START [IMAGE]".
const stateFact = "state"

// State is what a container's supervisor says of the first process. It is a
// hint until [State.Process] has looked.
type State struct {
	PID   int
	Start string // [StartTime] of that process
	Image string // id of the image whose layers are mounted, or empty
}

// ReadState reads the fact; ok only if there is one that can be read.
func ReadState(d *storage.Dir) (s State, ok bool) {
	b, err := d.ReadFact(stateFact)
	if err != nil {
		return State{}, false
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return State{}, false
	}
	if len(fields) > 2 && storage.ValidID(fields[2]) {
		s.Image = fields[2]
	}
	s.PID, err = strconv.Atoi(fields[0])
	s.Start = fields[1]
	return s, err == nil && s.PID > 0
}

// WriteState leaves the fact. It need not outlive a power cut.
func WriteState(dir string, s State) error {
	line := strings.TrimSuffix(fmt.Sprintf("%d %s %s", s.PID, s.Start, s.Image), " ")
	return (&storage.Dir{Path: dir}).WriteFact(stateFact, []byte(line+"\n"))
}

// Exists tells that a process with that pid is there, the right one or not, and has
// not ended: one that ended waits for its supervisor to take note, or, when that was
// killed, for whoever reaps orphans.
func (s State) Exists() bool {
	fields := stat(s.PID)
	return len(fields) > 17 && (fields[0] != "Z" && fields[0] != "X" || fields[17] > "1")
}

// Process tells that the very process is there, and that it is a container's:
// whatever a fact says, a process of the host is neither joined nor signalled.
// inside says that the caller is mapped root of the base user namespace, which
// is a container's own with --userns=host.
func (s State) Process(inside bool) bool {
	return contained(s.PID, inside) && StartTime(s.PID) == s.Start
}

// StartTime is field 22 of /proc/PID/stat: clock ticks since boot, as text,
// empty when there is no such process.
func StartTime(pid int) string {
	fields := stat(pid)
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// Ended tells that a process is gone, or has given its memory back on its way out:
// from then on no process can be made in the pid namespace whose first it was
// (pid_namespaces(7): ENOMEM). It is field 23 of /proc/PID/stat, the size.
func Ended(pid int) bool {
	fields := stat(pid)
	return len(fields) < 21 || fields[20] == "0"
}

// stat are the fields of /proc/PID/stat from the third on, the state. The second may
// hold anything but is the last one in parentheses (proc_pid_stat(5)).
func stat(pid int) []string {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	b := make([]byte, 1024)
	n, _ := unix.Read(fd, b)
	s := string(b[:max(n, 0)])
	return strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
}

// contained tells that a process is in a user namespace made for containers:
// another one than this process's, or inside the base namespace that one or one
// below it.
func contained(pid int, inside bool) bool {
	its, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/user")
	if err != nil {
		return false
	}
	defer its.Close()
	var own, at unix.Stat_t
	if unix.Stat("/proc/self/ns/user", &own) != nil || unix.Fstat(int(its.Fd()), &at) != nil {
		return false
	}
	if !inside {
		return at.Dev != own.Dev || at.Ino != own.Ino
	}
	for fd := int(its.Fd()); ; {
		if at.Dev == own.Dev && at.Ino == own.Ino {
			return true
		}
		// EPERM beyond what this process may see (ioctl_ns(2), NS_GET_PARENT, Linux 4.9).
		parent, err := unix.IoctlRetInt(fd, unix.NS_GET_PARENT)
		if fd != int(its.Fd()) {
			unix.Close(fd)
		}
		if err != nil {
			return false
		}
		if fd = parent; unix.Fstat(fd, &at) != nil {
			unix.Close(fd)
			return false
		}
	}
}
