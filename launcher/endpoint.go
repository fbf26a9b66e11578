package launcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// A container's supervisor answers on a socket named for its id, in a directory
// that only the user may enter. The file says nothing: whether somebody answers
// is what counts, and one without a listener is garbage.

// ErrNoSupervisor says that nobody answers for a container.
var ErrNoSupervisor = errors.New("the container's supervisor does not answer")

func controlDir(run string) string { return filepath.Join(run, "control") }

// endpoint opens the directory and names the socket by way of the descriptor: a
// socket's path may have 107 bytes only (unix(7)).
func endpoint(run, id string, make bool) (path string, dir *os.File, err error) {
	if make {
		if err := unix.Mkdir(controlDir(run), 0o700); err != nil && err != unix.EEXIST {
			return "", nil, &os.PathError{Op: "mkdir", Path: controlDir(run), Err: err}
		}
	}
	fd, err := unix.Open(controlDir(run), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, &os.PathError{Op: "open", Path: controlDir(run), Err: err}
	}
	return "/proc/self/fd/" + strconv.Itoa(fd) + "/" + id, os.NewFile(uintptr(fd), controlDir(run)), nil
}

// listen makes the socket. One that is there belongs to a supervisor that was
// killed: this process holds the container's lock.
func listen(run, id string) (*os.File, error) {
	path, dir, err := endpoint(run, id, true)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a socket: %w", err)
	}
	// It gets its name when it answers: a client never sees one that does not yet.
	making := path + ".new"
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: making})
	if err == unix.EADDRINUSE {
		_ = unix.Unlink(making)
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: making})
	}
	if err == nil {
		err = unix.Chmod(making, 0o600)
	}
	if err == nil {
		err = unix.Listen(fd, 64)
	}
	if err == nil {
		err = unix.Rename(making, path)
	}
	if err != nil {
		_ = unix.Unlink(making)
		unix.Close(fd)
		return nil, fmt.Errorf("cannot listen on %s: %w", filepath.Join(controlDir(run), id), err)
	}
	return os.NewFile(uintptr(fd), "listener"), nil
}

// unlisten removes the socket.
func unlisten(run, id string) {
	_ = unix.Unlink(filepath.Join(controlDir(run), id))
}

// sweepControl removes the sockets of containers that are gone: their supervisors
// were killed. A directory is there before its socket, and no id is used twice.
func sweepControl(run string, c storage.Containers) {
	entries, err := os.ReadDir(controlDir(run))
	if err != nil {
		return
	}
	for _, e := range entries {
		id := strings.TrimSuffix(e.Name(), ".new")
		if _, err := c.Lookup(id); storage.ValidID(id) && errors.Is(err, storage.ErrNoContainer) {
			unlisten(run, e.Name())
		}
	}
}

// answerWait bounds how long a supervisor may take to answer after its container
// has started. Until then there is no socket, or one of a supervisor that was
// killed.
const answerWait = time.Second

// dial connects to the supervisor of a container that runs. Errors:
// [ErrNoSupervisor].
func dial(run, id string) (c conn, err error) {
	for deadline := time.Now().Add(answerWait); ; time.Sleep(time.Millisecond) {
		if c, err = connect(run, id); err == nil || !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ECONNREFUSED) || time.Now().After(deadline) {
			return c, err
		}
	}
}

func connect(run, id string) (conn, error) {
	path, dir, err := endpoint(run, id, false)
	if err != nil {
		return conn{}, fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	}
	defer dir.Close()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return conn{}, fmt.Errorf("cannot make a socket: %w", err)
	}
	if err := retry(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: path}) }); err != nil {
		unix.Close(fd)
		return conn{}, fmt.Errorf("%w: connect %s: %w", ErrNoSupervisor, filepath.Join(controlDir(run), id), err)
	}
	return conn{os.NewFile(uintptr(fd), "control")}, nil
}

// acceptPause is how long it takes to look again after an error.
const acceptPause = 10 * time.Millisecond

// accept waits for the next client that is the same user: in the base user
// namespace, root. It returns nil when the listener is closed.
func accept(listener *os.File) *os.File {
	raw, err := listener.SyscallConn()
	if err != nil {
		return nil
	}
	for {
		fd := -1
		err := raw.Read(func(l uintptr) bool {
			fd, _, err = unix.Accept4(int(l), unix.SOCK_CLOEXEC)
			return err != unix.EAGAIN
		})
		if err != nil {
			return nil
		}
		if fd < 0 {
			time.Sleep(acceptPause) // no descriptor is free, say: waiting in the poller would not wait
			continue
		}
		if peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil && peer.Uid == uint32(os.Geteuid()) {
			return os.NewFile(uintptr(fd), "client")
		}
		unix.Close(fd)
	}
}
