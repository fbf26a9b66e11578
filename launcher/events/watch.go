package events

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watcher waits for events to be written (inotify(7)).
type watcher struct {
	ctx  context.Context
	f    *os.File
	dir  string
	stop func() bool
}

// watch begins to notice. The waiting ends with the context, and at the time
// until, unless that is zero.
func watch(ctx context.Context, dir string, until time.Time) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot follow the events: inotify: %w\n  fix: raise sysctl fs.inotify.max_user_instances", err)
	}
	w := &watcher{ctx: ctx, f: os.NewFile(uintptr(fd), "inotify"), dir: dir, stop: func() bool { return true }}
	if err := w.add(); err != nil {
		w.f.Close()
		return nil, err
	}
	_ = w.f.SetReadDeadline(until)
	w.stop = context.AfterFunc(ctx, func() { _ = w.f.SetReadDeadline(time.Unix(1, 0)) })
	return w, nil
}

// add watches the directory, which is made if need be.
func (w *watcher) add() error {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return fmt.Errorf("cannot follow the events: %w", err)
	}
	raw, err := w.f.SyscallConn()
	if err != nil {
		return fmt.Errorf("cannot follow the events: %w", err)
	}
	var added error
	err = raw.Control(func(fd uintptr) {
		_, added = unix.InotifyAddWatch(int(fd), w.dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_ONLYDIR)
	})
	if err = errors.Join(err, added); err != nil {
		return fmt.Errorf("cannot follow the events: inotify %s: %w\n  fix: raise sysctl fs.inotify.max_user_watches", w.dir, err)
	}
	return nil
}

// wait returns when something may have been written, or more is false: it is
// over.
func (w *watcher) wait() (more bool, err error) {
	b := make([]byte, 16<<10)
	n, err := w.f.Read(b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("cannot follow the events: %w", err)
	}
	if gone(b[:n]) { // the directory was removed with everything else
		return true, w.add()
	}
	return true, nil
}

// gone finds out whether what is watched is not there any more.
func gone(b []byte) bool {
	for len(b) >= unix.SizeofInotifyEvent {
		mask, name := binary.NativeEndian.Uint32(b[4:]), int(binary.NativeEndian.Uint32(b[12:]))
		if mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED) != 0 {
			return true
		}
		b = b[min(unix.SizeofInotifyEvent+name, len(b)):]
	}
	return false
}

func (w *watcher) close() {
	w.stop()
	w.f.Close()
}
