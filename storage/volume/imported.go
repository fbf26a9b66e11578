package volume

import (
	"os"

	"golang.org/x/sys/unix"
)

// Imported notes that somebody has filled the volume: what an image has in its
// place is not copied there any more.
func (s Store) Imported(v *Volume) error {
	dir, err := s.OpenDir(v)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	for {
		if err = unix.Flock(dir, unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return &os.PathError{Op: "lock", Path: v.path, Err: err}
	}
	r, err := readRecord(procPath(dir))
	if err != nil {
		return err
	}
	r.NeedsCopyUp, r.NeedsChown = false, false
	v.Record = r
	return writeRecord(dir, &r, true)
}

// ContentOwner is who owns the content as this process sees it.
func (v *Volume) ContentOwner() (uid, gid uint32, ok bool) {
	var st unix.Stat_t
	if unix.Lstat(v.Mountpoint(), &st) != nil {
		return 0, 0, false
	}
	return st.Uid, st.Gid, true
}
