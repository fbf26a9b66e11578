package launcher

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
)

// watcher waits for a log to grow, or for its container to end.
type watcher struct{ fd int }

// watch begins to notice changes in a container's directory (inotify(7)).
func watch(dir string) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot follow the log: inotify: %w\n  fix: raise sysctl fs.inotify.max_user_instances", err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot follow the log: inotify %s: %w\n  fix: raise sysctl fs.inotify.max_user_watches", dir, err)
	}
	return &watcher{fd}, nil
}

// wait returns when something has changed. The end of the container's process is
// told by the kernel; that of its supervisor, which comes a moment later, is not.
func (w *watcher) wait(ctx context.Context, x *containers.Container) error {
	fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	timeout := 2 // milliseconds, between the end of the process and of the supervisor
	if x.PID != 0 {
		if pidfd, err := unix.PidfdOpen(x.PID, 0); err == nil {
			defer unix.Close(pidfd)
			if containers.StartTime(x.PID) == x.Start {
				fds = append(fds, unix.PollFd{Fd: int32(pidfd), Events: unix.POLLIN})
				timeout = 1000
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := unix.Poll(fds, timeout); err != nil && err != unix.EINTR {
		return fmt.Errorf("cannot follow the log: %w", err)
	}
	if len(fds) > 1 && fds[1].Revents != 0 {
		x.PID = 0
	}
	b := make([]byte, 16<<10)
	for {
		if n, err := unix.Read(w.fd, b); n <= 0 || err != nil {
			return nil //nolint:nilerr // nothing more to read
		}
	}
}

func (w *watcher) close() { unix.Close(w.fd) }
