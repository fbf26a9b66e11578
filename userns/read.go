package userns

import (
	"bytes"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of a file, in bytes: a thousand times an
// ordinary /etc/subuid, 40,000 users in a large one.
const maxFile = 1 << 20

// readFile returns the text of a small file, whole lines of at most maxFile
// bytes. A file that does not exist is empty. It makes the bare system calls:
// os.ReadFile asks the poller and fstat first, half of the time of a lookup.
func readFile(path string) ([]byte, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	text, err := readAll(fd, maxFile)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return text, nil
}

// readAll reads at most limit bytes and drops the line that the limit cuts.
func readAll(fd, limit int) ([]byte, error) {
	buf := make([]byte, 0, 4096)
	for {
		n, err := retry(func() (int, error) { return unix.Read(fd, buf[len(buf):cap(buf)]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return buf, nil
		}
		buf = buf[:len(buf)+n]
		if len(buf) >= limit {
			return buf[:bytes.LastIndexByte(buf[:limit], '\n')+1], nil
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, 4*cap(buf)), buf...)
		}
	}
}

// retry repeats a call that a signal interrupted: the Go runtime's own
// preemption signals do (golang.org/issue/38836).
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
