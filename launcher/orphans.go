package launcher

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A container with a pid namespace of its own ends as a whole: the kernel kills
// what is in the namespace together with its first process. One that shares the
// host's leaves its other processes behind. The supervisor adopts them instead of
// the host's init (PR_SET_CHILD_SUBREAPER) and ends them. A supervisor that is
// itself killed cannot: docs/threats.md says so.

// adopt makes this process the parent of the container's orphans.
func (s *supervisor) adopt() {
	if s.req.Plan.CloneFlags&unix.CLONE_NEWPID != 0 || len(s.req.Plan.Joins) > 0 {
		return // they stay in a namespace with a first process of its own
	}
	s.adopts = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil
}

// endOrphans kills and reaps until no child is left. Children of a child that
// dies come here, too.
func (s *supervisor) endOrphans() {
	if !s.adopts {
		return
	}
	for {
		left := children()
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		// Those of exec are other threads' to wait for, and their orphans, which are
		// alive, may come here while this waits: it must not.
		if pid, err := unix.Wait4(-1, nil, unix.WNOTHREAD|unix.WNOHANG, nil); err != nil || pid == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// children lists this process's children.
func children() (pids []int) {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	self := strconv.Itoa(os.Getpid())
	for _, n := range names {
		pid, err := strconv.Atoi(n.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + n.Name() + "/stat")
		if err != nil {
			continue
		}
		// proc_pid_stat(5): what follows the last parenthesis is the state, then the parent.
		s := string(stat)
		if f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:]); len(f) > 1 && f[1] == self {
			pids = append(pids, pid)
		}
	}
	return pids
}
