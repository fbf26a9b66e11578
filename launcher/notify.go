package launcher

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
)

// notifyPatience is how long to wait for the service manager to read what it was told.
const notifyPatience = 5 * time.Second

// tellManager tells the service manager that the supervisor is the service's main
// process from now on, and with --sdnotify conmon that the service is up: sd_notify(3).
// Who was not started by one tells nobody.
func (l *launch) tellManager(supervisor int) error {
	mode, socket := l.options.SDNotify, os.Getenv("NOTIFY_SOCKET")
	if mode == "" || mode == intent.NotifyIgnore || socket == "" {
		return nil
	}
	text := "MAINPID=" + strconv.Itoa(supervisor)
	if mode == intent.NotifyConmon {
		text += "\nREADY=1"
	}
	if err := notify(socket, text); err != nil {
		return fmt.Errorf("the container runs, but the service manager cannot be told at %s: %w", socket, err)
	}
	return nil
}

// notify sends a message and waits until it has been read: the manager finds the
// service by the sender's process, which must not have ended by then.
func notify(socket, text string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrUnix{Name: socket} // "@…" is an abstract name
	if err := unix.Sendto(fd, []byte(text), 0, to); err != nil {
		return err
	}
	// The manager closes the descriptor when it comes to this message, which is after the first (systemd 246).
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	err = unix.Sendmsg(fd, []byte("BARRIER=1"), unix.UnixRights(int(w.Fd())), to, 0)
	w.Close()
	if err != nil {
		return err
	}
	if err := r.SetReadDeadline(time.Now().Add(notifyPatience)); err != nil {
		return err
	}
	if _, err := r.Read(make([]byte, 1)); os.IsTimeout(err) {
		return fmt.Errorf("it did not read within %s", notifyPatience)
	}
	return nil
}
