package events

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// MaxFile is the size at which a new file is begun, in bytes; one that is full
// is kept beside it.
const MaxFile = 4 << 20

// The files, in dir below the data directory.
const (
	dir      = "events"
	current  = "log"
	previous = "log.1"
)

// Dir is where events are kept.
func Dir(data string) string { return filepath.Join(data, dir) }

// Write adds events to those of the user whose data directory is data (storage.Paths.Data).
// It is the last thing to do: after what it tells of, and after whatever somebody
// waits for. Events are worth no failure: one that cannot be written is lost.
//
// All lines are one write to a file opened with O_APPEND, which is not mixed with
// other processes' (write(2)).
func Write(data string, all ...Event) {
	var b []byte
	for i := range all {
		if all[i].Time.IsZero() {
			all[i].Time = time.Now()
		}
		all[i].Time = all[i].Time.UTC().Round(0)
		b = all[i].appendLine(b)
	}
	if data == "" || len(b) == 0 {
		return
	}
	write(Dir(data), b, MaxFile)
}

func write(dir string, b []byte, most int64) {
	path := filepath.Join(dir, current)
	fd, err := open(path)
	if errors.Is(err, unix.ENOENT) {
		_ = os.Mkdir(dir, 0o700) // or somebody else just did
		fd, err = open(path)
	}
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Size > 0 && torn(fd, st.Size) {
		b = append([]byte{'\n'}, b...) // what follows is a line of its own
	}
	_, _ = unix.Write(fd, b)
	if st.Size+int64(len(b)) > most {
		rotate(fd, dir, path)
	}
}

func open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// torn tells that the file ends with half a line, of a disk that was full. An
// empty line more, when somebody writes just now, is skipped by readers.
func torn(fd int, size int64) bool {
	last := []byte{'\n'}
	n, err := unix.Pread(fd, last, size-1)
	return err == nil && n == 1 && last[0] != '\n'
}

// rotate puts the file aside. Of several processes that find it full, the one that
// gets its lock does it, if it is still the one that is written to.
func rotate(fd int, dir, path string) {
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return
	}
	var open, named unix.Stat_t
	if unix.Fstat(fd, &open) == nil && unix.Lstat(path, &named) == nil && open.Dev == named.Dev && open.Ino == named.Ino {
		_ = unix.Rename(path, filepath.Join(dir, previous))
	}
}
