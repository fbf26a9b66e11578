package launcher

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/userns"
)

// A base user namespace that is alive is worth joining: it spares running
// newuidmap and newgidmap, a third of a launch. Supervisors therefore leave
// their pid and start time as the name of an empty file. The file is a hint and
// nothing more: what is joined is what the kernel shows as a user namespace
// with exactly our maps, owned by us (only its owner may enter it).

// maxHints bounds how many hints one launch looks at.
const maxHints = 4

func baseDir(run string) string { return filepath.Join(run, "base") }

// openBase opens a live base namespace, or returns nil.
func openBase(run string, g userns.Grant) *os.File {
	dir, err := os.Open(baseDir(run))
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxHints)
	for _, name := range names {
		pid, start, ok := parseHint(name)
		if ok {
			// The start time is compared after opening: if it is the same then, the
			// namespace was this process's, not that of a successor of its pid.
			f, err := g.OpenNamespace(pid)
			if err == nil && containers.StartTime(pid) == start {
				return f
			}
			if err == nil {
				f.Close()
			}
		}
		if !ok || containers.StartTime(pid) != start {
			_ = os.Remove(filepath.Join(baseDir(run), name))
		}
	}
	return nil
}

// announceBase leaves this process's hint and returns what removes it.
func announceBase(run string) (remove func()) { return announce(run, os.Getpid()) }

// announce does that for another process.
func announce(run string, pid int) (remove func()) {
	path := filepath.Join(baseDir(run), strconv.Itoa(pid)+"-"+containers.StartTime(pid))
	if err := unix.Mkdir(baseDir(run), 0o700); err != nil && err != unix.EEXIST {
		return func() {}
	}
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return func() {}
	}
	unix.Close(fd)
	return func() { _ = unix.Unlink(path) }
}

func parseHint(name string) (pid int, start string, ok bool) {
	p, start, ok := strings.Cut(name, "-")
	pid, err := strconv.Atoi(p)
	return pid, start, ok && err == nil && pid > 0 && start != ""
}
