package storage

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Reserve is a file that holds some space for the moment when there is none
// left: removing an image makes containers/storage write its records anew beside
// the old ones, which a full disk refuses. Commands that remove things free the
// reserve first and restore it when they are done.
//
// It is a hint, never relied upon: losing it loses nothing but that comfort.
type Reserve struct {
	Data string // [Paths.Data]
}

const (
	reserveFile = "reserve"
	// reserveSize is several times what the records of a thousand images take.
	reserveSize = 2 << 20
	// reserveRoom is how much has to be free for the reserve to be taken: on a
	// disk that small or that full it would be the one to fill it.
	reserveRoom = 8 * reserveSize
)

func (r Reserve) path() string { return filepath.Join(r.Data, reserveFile) }

// Free gives the space back. None being held is no error.
func (r Reserve) Free() error {
	err := os.Remove(r.path())
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

// Restore takes the space again, if there is enough, and does nothing when it is
// held already or when there is not.
func (r Reserve) Restore() error {
	var st unix.Stat_t
	if err := unix.Lstat(r.path(), &st); err == nil {
		return nil
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(r.Data, &fs); err != nil {
		if err == unix.ENOENT {
			return nil // nothing was ever stored
		}
		return &os.PathError{Op: "statfs", Path: r.Data, Err: err}
	}
	if fs.Bavail*uint64(fs.Bsize) < reserveRoom {
		return nil
	}
	fd, err := unix.Open(r.path(), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err == unix.EEXIST {
		return nil // another process, just now
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: r.path(), Err: err}
	}
	defer unix.Close(fd)
	switch _, err := ignoringEINTR(func() (int, error) { return 0, unix.Fallocate(fd, 0, 0, reserveSize) }); err {
	case nil:
		return nil
	case unix.ENOSPC, unix.EDQUOT, unix.EOPNOTSUPP:
		// A file system without fallocate(2) (NFS before 4.2) would have it written,
		// which costs more than the reserve is worth.
		return r.Free()
	default:
		return errors.Join(&os.PathError{Op: "fallocate", Path: r.path(), Err: err}, r.Free())
	}
}
