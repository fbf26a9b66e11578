package rootfs

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// space is a thread with a mount namespace of its own, which goes when it ends:
// what is mounted there nobody else sees, and it can have its own directory and
// be the parent of servers.
type space struct {
	work    chan func()
	servers []int
}

func newSpace() (*space, error) {
	s := &space{work: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this function
		err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "")
		}
		ready <- err
		for f := range s.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		close(s.work)
		return nil, fmt.Errorf("cannot make a mount namespace: %w", err)
	}
	return s, nil
}

func (s *space) do(f func() error) error {
	done := make(chan error)
	s.work <- func() { done <- f() }
	return <-done
}

// mount mounts a root file system at r.Mount.
func (s *space) mount(r plan.Root) error {
	p, err := plan.Mount(r)
	if err != nil {
		return err
	}
	return s.do(func() error {
		if err := tape.Run(p.Host, tape.NewSlots()); err != nil {
			return fmt.Errorf("cannot mount the container's root file system: %w", err)
		}
		for _, server := range p.Servers {
			if err := s.serve(server); err != nil {
				return err
			}
		}
		return nil
	})
}

// serve starts a program that serves a mount; it is killed with the thread.
func (s *space) serve(server plan.Server) error {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	n := null.Fd()
	pid, err := syscall.ForkExec(server.Args[0], server.Args, &syscall.ProcAttr{
		Dir: server.Dir, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Files: []uintptr{n, n, n, uintptr(server.FD)},
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", server.Args[0], err)
	}
	s.servers = append(s.servers, pid)
	return unix.Close(server.FD)
}

// close ends the thread and with it its namespace; at is unmounted before.
func (s *space) close(at ...string) {
	_ = s.do(func() error {
		for _, dir := range at {
			_ = unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
		for _, pid := range s.servers {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, 0, nil)
		}
		return nil
	})
	close(s.work)
}
