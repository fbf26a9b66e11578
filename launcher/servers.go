package launcher

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/userns/tape"
)

// startServer starts a program that serves a file system. It is killed when the
// thread that started it ends, which for a supervisor is when the supervisor
// does. What it prints is dropped: descriptors of the caller would stay open.
func startServer(s plan.Server) (pid int, err error) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	n := null.Fd()
	pid, err = syscall.ForkExec(s.Args[0], s.Args, &syscall.ProcAttr{
		Dir: s.Dir, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Files: []uintptr{n, n, n, uintptr(s.FD)},
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, fmt.Errorf("cannot start %s: %w", s.Args[0], err)
	}
	// Requests fail, and do not wait for ever, once the only copy is the server's.
	return pid, unix.Close(s.FD)
}

// startServers starts what the plan's mounts need.
func (s *supervisor) startServers() error {
	for _, server := range s.req.Plan.Servers {
		pid, err := startServer(server)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, pid)
	}
	return nil
}

// stopServers ends them, after what they serve was unmounted.
func (s *supervisor) stopServers() {
	for _, pid := range s.servers {
		killChild(pid)
	}
	s.servers = nil
}

// killChild kills and reaps, unless it was reaped already: then the number may
// be another process'.
func killChild(pid int) {
	running := false
	_ = retry(func() error {
		n, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		running = err == nil && n == 0
		return err
	})
	if running {
		_ = unix.Kill(pid, unix.SIGKILL)
		_ = retry(func() error { _, err := unix.Wait4(pid, nil, 0, nil); return err })
	}
}

// tryFuse tries whether fuse-overlayfs serves directories below dir, as mapped
// root in a mount namespace of its own.
func tryFuse(dir, program string) error {
	return storage.TryIn(dir, func(at string) error { return serveIn(at, program) })
}

func serveIn(at, program string) error {
	runtime.LockOSThread() // the server dies with the thread that starts it
	defer runtime.UnlockOSThread()
	for _, d := range []string{"low", "up", "work", "root"} {
		if err := os.Mkdir(filepath.Join(at, d), 0o700); err != nil {
			return err
		}
	}
	p, err := plan.Fuse(plan.Root{
		Mount: filepath.Join(at, "root"), Dir: at, Lower: []string{"low"}, Fuse: program,
		Upper: filepath.Join(at, "up"), Work: filepath.Join(at, "work"),
	})
	if err != nil {
		return err
	}
	if err := tape.Run(p.Host, tape.NewSlots()); err != nil {
		return err
	}
	defer unix.Unmount(filepath.Join(at, "root"), unix.MNT_DETACH)
	pid, err := startServer(p.Servers[0])
	if err != nil {
		return err
	}
	defer killChild(pid)
	made := filepath.Join(at, "root/d")
	if err := unix.Mkdir(made, 0o700); err != nil {
		return err
	}
	return unix.Chown(made, 1, 1)
}
