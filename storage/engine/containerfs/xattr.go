package containerfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// OwnerAttr is the attribute that says whose a file was before an image was
// squashed to one owner: "UID:GID" in decimal, as the image numbers them.
const OwnerAttr = "user.coracle.owner"

const (
	paxXattr   = "SCHILY.xattr." // as GNU tar and bsdtar write attributes
	capability = "security.capability"
)

// maxXattrs bounds the names of one file's attributes, as Linux does
// (XATTR_LIST_MAX, limits.h), maxXattr a value.
const (
	maxXattrs = 64 << 10
	maxXattr  = 64 << 10
)

// kept tells which attributes go into archives: file capabilities and those of
// users, but overlay's own.
// Access lists name ids, and come along only where those are told as they are.
func kept(name string, raw bool) bool {
	return name == capability || raw && strings.HasPrefix(name, "system.posix_acl_") ||
		strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.overlay.") && !strings.HasPrefix(name, "user.fuseoverlayfs.")
}

// xattrs reads a file's attributes that go into archives; fd may be O_PATH.
func xattrs(fd int, raw bool) (map[string]string, error) {
	path := procPath(fd)
	buf := make([]byte, 1024)
	n, err := unix.Listxattr(path, buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, maxXattrs)
		n, err = unix.Listxattr(path, buf)
	}
	if err != nil || n == 0 {
		return nil, ignoreUnsupported(err)
	}
	var found map[string]string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if !kept(name, raw) {
			continue
		}
		value, err := xattr(path, name)
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOVERFLOW) {
			// Gone meanwhile; or a capability of another user namespace, which means
			// nothing here (capabilities(7)).
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		if name == capability {
			value = anyRoot(value)
		}
		if found == nil {
			found = make(map[string]string)
		}
		found[name] = string(value)
	}
	return found, nil
}

func xattr(path, name string) ([]byte, error) {
	buf := make([]byte, 256)
	n, err := unix.Getxattr(path, name, buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, maxXattr)
		n, err = unix.Getxattr(path, name, buf)
	}
	return buf[:max(n, 0)], err
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENODATA) {
		return nil
	}
	return err
}

// anyRoot turns a capability that counts for one user namespace's root (version
// 3) into one that names none (version 2): the archive is for another place. The
// kernel puts the right root in when it is set (struct vfs_ns_cap_data in
// linux/capability.h).
func anyRoot(value []byte) []byte {
	const version2, version3, mask = 0x02000000, 0x03000000, 0xff000000
	if len(value) != 24 || binary.LittleEndian.Uint32(value)&mask != version3 {
		return value
	}
	out := bytes.Clone(value[:20])
	binary.LittleEndian.PutUint32(out, binary.LittleEndian.Uint32(value)&^uint32(mask)|version2)
	return out
}

// setXattrs sets the attributes of an archive's member. Those that the file
// system does not take are left out, as docker does.
func setXattrs(fd int, pax map[string]string, raw bool) error {
	for key, value := range pax {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok || !kept(name, raw) {
			continue
		}
		err := unix.Setxattr(procPath(fd), name, []byte(value), 0)
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return nil
}

// ownerAttr reads what [OwnerAttr] says.
func ownerAttr(value string) (uid, gid int, ok bool) {
	var u, g uint32
	n, err := fmt.Sscanf(value+"\n", "%d:%d\n", &u, &g)
	return int(u), int(g), err == nil && n == 2
}
