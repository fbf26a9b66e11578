package volume

import (
	"golang.org/x/sys/unix"

	"coracle/storage"
)

// Settle does what [Store.Fill] would when that needs no more power than the
// user's, and reports whether it did: an empty directory of the image's root, or
// none at all, becomes a volume of root's. It saves the start of a helper. Root
// is the user's own id as seen here, and rootOwns says that base id 0 is to own
// what image id 0 owns.
func (s Store) Settle(v *Volume, f Filling, view *storage.View, root uint32, rootOwns bool) bool {
	local, err := ParseOptions(v.Options)
	if err != nil || !rootOwns || local.UID != nil || local.GID != nil {
		return false
	}
	tree, err := view.Tree(f.Path)
	if err != nil {
		return false // what lies closed to the user the helper can see
	}
	mode := uint32(0o755)
	if tree == nil {
		if f.UID != 0 || f.GID != 0 {
			return false
		}
	} else {
		defer tree.Close()
		uid, gid := tree.Owner()
		empty, err := tree.Empty()
		if uid != root || err != nil || f.Copy && !empty || !sameGroup(v, gid) {
			return false
		}
		mode = tree.Mode()
	}
	dir, err := s.OpenDir(v)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	if unix.Flock(dir, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false
	}
	// Nobody has used it: else it would not need an owner.
	r, err := readRecord(procPath(dir))
	if err != nil || !r.NeedsChown {
		return false
	}
	data, err := openDir(dir, dataDir)
	if err != nil {
		return false
	}
	defer unix.Close(data)
	if there, err := namesIn(data); err != nil || len(there) > 0 || unix.Fchmod(data, mode) != nil {
		return false
	}
	r.NeedsChown = false
	r.NeedsCopyUp = r.NeedsCopyUp && !f.Copy
	if writeRecord(dir, &r, !v.Throwaway) != nil {
		return false
	}
	v.Record = r
	return true
}

// sameGroup reports whether a group is the one that the volume has by being made.
func sameGroup(v *Volume, gid uint32) bool {
	var st unix.Stat_t
	return unix.Lstat(v.Mountpoint(), &st) == nil && st.Gid == gid
}
