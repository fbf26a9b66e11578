package launcher

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/storage"
	"coracle/storage/record"
	"coracle/userns"
)

// session is what the image engine is told.
func (l *launch) session() record.Session {
	s := record.Session{
		Version: Version(), Data: l.paths.Data, Run: l.paths.Run, UID: l.grant.UID, GID: l.grant.GID, User: l.grant.User,
		UIDs: l.grant.UIDs, GIDs: l.grant.GIDs,
	}
	if b := l.shell; b != nil {
		s.UID, s.GID, s.UIDs, s.GIDs = b.UID, b.GID, b.UIDs, b.GIDs
		s.Unshared, s.Holder = true, os.Getenv(holderEnv)
	}
	return s
}

// realIDs are the user's, outside of any namespace of ours.
func (l *launch) realIDs() (uid, gid int) {
	if l.shell != nil {
		return l.shell.UID, l.shell.GID
	}
	return l.grant.UID, l.grant.GID
}

// storeHere runs the image engine in this process's own namespaces, those of
// coracle unshare: what it mounts stays.
func (l *launch) storeHere(engine, session, stdout *os.File, tell func() error, args []string, signals <-chan os.Signal) (int, error) {
	uid, gid := l.realIDs()
	if stdout == nil {
		stdout = os.Stdout
	}
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", engine.Fd()), append([]string{"coracle-engine"}, args...), &syscall.ProcAttr{
		Env:   record.Environ(os.Environ(), uid, gid),
		Files: []uintptr{0, stdout.Fd(), 2, session.Fd()},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM},
	})
	if err != nil {
		return ExitFailed, fmt.Errorf("cannot start the image engine: %w", err)
	}
	if err := tell(); err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
		return ExitFailed, err
	}
	defer passSignals(signals, pid)()
	var ws unix.WaitStatus
	if err := retry(func() error { _, err := unix.Wait4(pid, &ws, 0, nil); return err }); err != nil {
		return ExitFailed, fmt.Errorf("wait for the image engine: %w", err)
	}
	return exitStatus(ws), nil
}

// baseOf opens the base user namespace that a command's containers run in: from
// another one their files are out of reach. Without any, a live one.
func (l *launch) baseOf(args []string) *os.File {
	set := containers.Set{Containers: storage.Containers{Data: l.paths.Data}}
	for _, arg := range args[1:] {
		name, _, _ := strings.Cut(arg, ":")
		if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "/=") {
			continue
		}
		c, err := set.Find(name)
		if err != nil || !c.Running || c.PID == 0 {
			continue
		}
		if f, err := l.grant.OpenNamespace(containers.Parent(c.PID)); err == nil {
			return f
		}
	}
	return openBase(l.paths.Run, l.grant)
}

// ofContainers tells the commands that reach into running containers.
func ofContainers(args []string) bool {
	switch args[0] {
	case "cp", "export", "commit", "whoowns", "container":
		return true
	}
	return false
}

// insideUnshare fills in who the user is when this is the shell of coracle unshare.
func (l *launch) insideUnshare() error {
	b, ok, err := userns.Unshared(os.Getenv)
	if ok {
		l.shell = &b
	}
	return err
}
