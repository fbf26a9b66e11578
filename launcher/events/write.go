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
	fd, size, err := openHeld(path)
	if errors.Is(err, unix.ENOENT) {
		_ = os.Mkdir(dir, 0o700) // or somebody else just did
		fd, size, err = openHeld(path)
	}
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if size > 0 && torn(fd, size) {
		b = append([]byte{'\n'}, b...) // what follows is a line of its own
	}
	_, _ = unix.Write(fd, b)
	if size+int64(len(b)) > most {
		rotate(fd, dir, path)
	}
}

// openHeld opens the file with a shared lock, under which it is not removed, and
// tells its size. Between open and lock others may have put it aside and removed it.
func openHeld(path string) (fd int, size int64, err error) {
	for {
		if fd, err = open(path); err != nil {
			return -1, 0, err
		}
		var st unix.Stat_t
		_ = flock(fd, unix.LOCK_SH) // a file system without locks loses a line in the worst case
		if err = unix.Fstat(fd, &st); err == nil && st.Nlink > 0 {
			return fd, st.Size, nil
		}
		unix.Close(fd)
		if err != nil {
			return -1, 0, err
		}
	}
}

func flock(fd, how int) error {
	for {
		if err := unix.Flock(fd, how); err != unix.EINTR {
			return err
		}
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

// rotate puts the file aside, which removes the one that was put aside before. Of
// several processes that find it full, the one that gets the directory's lock does
// it, if it is still the one that is written to; and not while somebody writes to
// the one that goes.
func rotate(fd int, dir, path string) {
	lock, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(lock)
	if flock(lock, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return
	}
	var open, named unix.Stat_t
	if unix.Fstat(fd, &open) != nil || unix.Lstat(path, &named) != nil || open.Dev != named.Dev || open.Ino != named.Ino {
		return
	}
	last := filepath.Join(dir, previous)
	old, err := unix.Open(last, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(old)
		if flock(old, unix.LOCK_EX|unix.LOCK_NB) != nil {
			return
		}
	}
	_ = unix.Rename(path, last)
}
