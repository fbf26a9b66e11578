package launcher

import (
	"context"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
)

// watcher waits for a log to grow, or for its container to end.
type watcher struct {
	fd int
	// renamed says that files have come and gone since it was set to false.
	renamed bool
	// process is of the container's first process, -1 when it is not known.
	process int
	asked   bool
	// pause is how long to wait for what nobody tells of, in milliseconds.
	pause int
	buf   []byte
}

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
	return &watcher{fd: fd, renamed: true, process: -1, buf: make([]byte, 16<<10)}, nil
}

// wait returns when something has changed. The end of the container's process is
// told by the kernel; that of its supervisor, which comes a moment later, is not.
func (w *watcher) wait(ctx context.Context, x *containers.Container) error {
	w.know(x)
	fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	// Between the end of the process and that of the supervisor, which may also run
	// the container again.
	w.pause = min(max(2*w.pause, 2), 200)
	timeout := w.pause
	if w.process >= 0 {
		fds = append(fds, unix.PollFd{Fd: int32(w.process), Events: unix.POLLIN})
		w.pause, timeout = 0, 1000
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := unix.Poll(fds, timeout); err != nil && err != unix.EINTR {
		return fmt.Errorf("cannot follow the log: %w", err)
	}
	if len(fds) > 1 && fds[1].Revents != 0 {
		unix.Close(w.process)
		w.process = -1
	}
	for {
		n, err := unix.Read(w.fd, w.buf)
		if n <= 0 || err != nil {
			return nil //nolint:nilerr // nothing more to read
		}
		w.renamed = w.renamed || renames(w.buf[:n])
	}
}

// know opens the container's first process, once.
func (w *watcher) know(x *containers.Container) {
	if w.asked || x.PID == 0 {
		return
	}
	w.asked = true
	fd, err := unix.PidfdOpen(x.PID, 0)
	if err != nil {
		return
	}
	if containers.StartTime(x.PID) != x.Start {
		unix.Close(fd)
		return
	}
	w.process = fd
}

// renames tells that not all of these events are writes to a file.
func renames(b []byte) bool {
	for len(b) >= unix.SizeofInotifyEvent {
		if mask := binary.NativeEndian.Uint32(b[4:]); mask != unix.IN_MODIFY {
			return true
		}
		name := int(binary.NativeEndian.Uint32(b[12:]))
		b = b[min(unix.SizeofInotifyEvent+name, len(b)):]
	}
	return false
}

func (w *watcher) close() {
	unix.Close(w.fd)
	if w.process >= 0 {
		unix.Close(w.process)
	}
}
