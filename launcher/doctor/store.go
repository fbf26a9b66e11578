package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// overlay mounts one where the store is or will be: whether it works depends
// on the kernel and on that file system alike, which must offer d_type,
// RENAME_WHITEOUT and user.* attributes.
func overlay(ctx context.Context, e *exam) finding {
	dir, remove, err := e.Scratch(e.store)
	if err != nil {
		return lacks("cannot be tried: "+err.Error(), "make "+e.store+" writable: sudo chown \"$(id -u):$(id -g)\" "+quote(e.store))
	}
	defer remove()
	got := e.probe(ctx, Trial{Name: "overlay", Flags: newUser, Map: true, Args: []string{dir}})
	if got.err != nil {
		return blocked(got)
	}
	for _, name := range []string{"directories", "mnt", "private", "mount", "write", "whiteout", "opaque"} {
		s := got.step(name)
		if s.Err == 0 {
			continue
		}
		detail := fmt.Sprintf("cannot be used on %s (%s: %s)", filepath.Dir(dir), name, s.Err)
		switch {
		case name == "mount" && s.Err == unix.ENODEV:
			return lacks(detail, "sudo modprobe overlay && echo overlay | sudo tee /etc/modules-load.d/overlay.conf")
		case name == "mount" && s.Err == unix.EPERM:
			return lacks(detail, "boot kernel 5.11 or later: older ones mount no overlay in a user namespace")
		case name == "mnt" || name == "private":
			return lacks(detail, "mend the namespaces first")
		}
		return lacks(detail, e.elsewhere())
	}
	return works("can be mounted on " + filepath.Dir(dir))
}

// elsewhere says how to move the store to a local disk.
func (e *exam) elsewhere() string {
	if e.UID == 0 {
		return "in /etc/containers/storage.conf, section [storage]: graphroot = \"/a/directory/on/a/local/disk\""
	}
	return fmt.Sprintf("in ~/.config/containers/storage.conf, section [storage]: driver = \"overlay\" and graphroot = \"/var/tmp/containers-%d\"", e.UID)
}

// Magic numbers that golang.org/x/sys/unix lacks; each from the file system's
// own source.
const (
	lustreMagic = 0x0bd00bd0
	zfsMagic    = 0x2fc12fc1
	gfs2Magic   = 0x01161970
	bcacheMagic = 0xca451a4e
)

// kindOf names a file system and says what is wrong with it as a store, "" for nothing.
func kindOf(magic int64) (name, trouble string) {
	const (
		remote = "a network file system refuses files owned by sub-ids"
		stack  = "no overlay can be stacked on it"
		plain  = "it has neither owners nor attributes"
	)
	kinds := map[int64][2]string{
		unix.EXT4_SUPER_MAGIC: {"ext4"}, unix.XFS_SUPER_MAGIC: {"xfs"}, unix.BTRFS_SUPER_MAGIC: {"btrfs"},
		unix.F2FS_SUPER_MAGIC: {"f2fs"}, unix.TMPFS_MAGIC: {"tmpfs"}, zfsMagic: {"zfs"}, bcacheMagic: {"bcachefs"},
		unix.OCFS2_SUPER_MAGIC: {"ocfs2", remote}, gfs2Magic: {"gfs2", remote},
		unix.FUSE_SUPER_MAGIC:      {"fuse", "a FUSE file system is slow and may refuse files owned by sub-ids"},
		unix.OVERLAYFS_SUPER_MAGIC: {"overlay", stack}, unix.ECRYPTFS_SUPER_MAGIC: {"ecryptfs", stack},
		unix.MSDOS_SUPER_MAGIC: {"vfat", plain}, unix.EXFAT_SUPER_MAGIC: {"exfat", plain},
	}
	if name := storage.NetworkName(magic); name != "" {
		return name, remote
	}
	// f_type is signed and 32 bits wide on some architectures.
	kind, ok := kinds[magic&0xffffffff]
	if !ok {
		return fmt.Sprintf("file system 0x%x", uint32(magic)), ""
	}
	return kind[0], kind[1]
}

func store(_ context.Context, e *exam) finding {
	st, at, err := e.storeFS()
	if err != nil {
		return lacks(err.Error(), e.elsewhere())
	}
	name, trouble := kindOf(st.Type)
	if trouble != "" {
		return lacks(fmt.Sprintf("%s is on %s: %s", e.store, name, trouble), e.elsewhere())
	}
	if at != e.store {
		return works(fmt.Sprintf("%s will be made on %s", e.store, name))
	}
	return works(fmt.Sprintf("%s is on %s", e.store, name))
}

// storeFS is the file system the store is or will be on, and the directory
// that was asked.
func (e *exam) storeFS() (FileSystem, string, error) {
	dir := filepath.Clean(e.store)
	for {
		st, err := e.Statfs(dir)
		if err == nil || dir == filepath.Dir(dir) {
			return st, dir, err
		}
		dir = filepath.Dir(dir)
	}
}

// Below these, bytes, an image is not likely to fit.
const (
	scarce = 2 << 30
	none   = 64 << 20
)

func space(_ context.Context, e *exam) finding {
	st, _, err := e.storeFS()
	if err != nil {
		return lacks(err.Error(), "")
	}
	detail := size(st.Free) + " free for " + e.store
	switch {
	case st.Free < none:
		return finding{Fail, detail, "make room, or move the store: " + e.elsewhere()}
	case st.Free < scarce:
		return weak(detail, "coracle system prune, or make room, or move the store: "+e.elsewhere())
	}
	return works(detail)
}

// size writes bytes for people: "1.5 GiB".
func size(n uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + " " + units[i]
}
