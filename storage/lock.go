package storage

import (
	"os"

	"golang.org/x/sys/unix"
)

// Locks are of the kind "open file description" (fcntl_locking(2), Linux 3.15):
// as with flock(2) the lock belongs to the open file, so it is handed on with
// the descriptor and gone when the last copy is closed, by exit, kill or power
// cut. Unlike flock it can be asked about without being taken, so that looking
// never makes a dead container seem alive to somebody else who looks.

// Directories, which cannot be opened for writing as that kind of lock asks for,
// are guarded with flock(2). Those locks are held for a moment only.

// openLock opens a lock file, which it makes if make is true.
func openLock(path string, make bool) (*os.File, error) {
	flags := unix.O_RDWR | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK
	if make {
		flags |= unix.O_CREAT
	}
	fd, err := ignoringEINTR(func() (int, error) { return unix.Open(path, flags, 0o600) })
	if err != nil {
		return nil, &os.PathError{Op: "open lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// tryLock takes the lock or reports false when somebody else has it. Kind is
// F_WRLCK for the one owner, F_RDLCK for one of several; it also changes one
// into the other.
func tryLock(f *os.File, kind int16) (bool, error) {
	_, err := ignoringEINTR(func() (int, error) {
		return 0, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind})
	})
	if err == unix.EAGAIN || err == unix.EACCES {
		return false, nil
	}
	return err == nil, wrapLock(f, err)
}

// locked asks whether somebody else holds the lock for writing: shared ones do
// not count, with them sweepers make sure that nobody lives there.
func locked(f *os.File) (bool, error) {
	probe := unix.Flock_t{Type: unix.F_RDLCK}
	_, err := ignoringEINTR(func() (int, error) {
		return 0, unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &probe)
	})
	return probe.Type != unix.F_UNLCK, wrapLock(f, err)
}

// lockDir locks a directory: how is LOCK_SH or LOCK_EX, with LOCK_NB if it
// should fail with EWOULDBLOCK and not wait. Closing the file unlocks.
func lockDir(dir string, how int) (*os.File, error) {
	fd, err := openat(unix.AT_FDCWD, dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	f := os.NewFile(uintptr(fd), dir)
	if _, err := ignoringEINTR(func() (int, error) { return 0, unix.Flock(fd, how) }); err != nil {
		f.Close()
		return nil, wrapLock(f, err)
	}
	return f, nil
}

func wrapLock(f *os.File, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
}
