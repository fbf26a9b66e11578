package unpack

import (
	"archive/tar"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// paxXattr begins the PAX records that are extended attributes (star(1)).
const paxXattr = "SCHILY.xattr."

// The extended attributes that are access lists (acl(5)).
const (
	aclDefault = "system.posix_acl_default"
	aclAccess  = "system.posix_acl_access"
)

// attributes sets an entry's extended attributes, and whose it was. fd is the
// open file, or -1.
func (u *unpacker) attributes(at place, fd int, h *tar.Header, was string) error {
	if was != "" {
		if err := u.setxattr(at, fd, OwnerXattr, []byte(was)); err != nil {
			return err
		}
	}
	count := 0
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok {
			continue
		}
		if count++; count > u.o.Limits.Xattrs {
			return limitf("it has more than %d extended attributes", u.o.Limits.Xattrs)
		}
		if !taken(name) || name == aclDefault {
			continue
		}
		data := []byte(value)
		if name == "security.capability" {
			data = ownCapability(data)
		}
		if err := u.setxattr(at, fd, name, data); err != nil {
			return err
		}
	}
	return nil
}

// taken reports whether an attribute may come from a stream: not a label of
// another machine's policy, nor what overlayfs keeps for itself (on a lower
// layer it would obey).
func taken(name string) bool {
	return name != "security.selinux" && name != OwnerXattr &&
		!strings.HasPrefix(name, "user.overlay.") && !strings.HasPrefix(name, "trusted.overlay.")
}

// setxattr sets one attribute. A file system that has none of the kind, and a
// user who may not set it, are no error: containers/storage has it so.
func (u *unpacker) setxattr(at place, fd int, name string, value []byte) error {
	var err error
	if fd >= 0 {
		err = unix.Fsetxattr(fd, name, value, 0)
	} else {
		// There is no fsetxattrat before Linux 6.13. The last component is one name
		// and is not followed.
		err = unix.Lsetxattr("/proc/self/fd/"+strconv.Itoa(at.fd)+"/"+at.base, name, value, 0)
	}
	if err == nil || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) && u.o.UserNS {
		return nil
	}
	return fmt.Errorf("cannot set the attribute %q: %w", name, err)
}

// ownCapability makes a file capability hold in our user namespace. Revision 3
// names the root of one user namespace by its id on some host (linux/capability.h);
// revision 2 means the one it is set in.
func ownCapability(data []byte) []byte {
	const revisionMask, revision2, revision3 = 0xff000000, 0x02000000, 0x03000000
	if len(data) != 24 || binary.LittleEndian.Uint32(data)&revisionMask != revision3 {
		return data
	}
	own := append([]byte(nil), data[:20]...)
	binary.LittleEndian.PutUint32(own, binary.LittleEndian.Uint32(data)&^revisionMask|revision2)
	return own
}

// times are an entry's, access first. What a 64-bit count of nanoseconds or the
// file system cannot hold is 1970; an access before the last change was then.
func times(h *tar.Header) [2]unix.Timespec {
	m, a := stamp(h.ModTime), stamp(h.AccessTime)
	if h.AccessTime.Before(h.ModTime) {
		a = m
	}
	return [2]unix.Timespec{a, m}
}

func stamp(t time.Time) unix.Timespec {
	sec := t.Unix()
	if sec < 0 || sec > math.MaxInt64/int64(time.Second) {
		return unix.Timespec{}
	}
	return unix.Timespec{Sec: sec, Nsec: int64(t.Nanosecond())}
}

func futimens(fd int, h *tar.Header) error {
	ts := times(h)
	return utimens(fd, &ts)
}

// utimens is futimens(3): utimensat(2) without a path.
func utimens(fd int, ts *[2]unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(ts)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("utimensat", errno)
	}
	return nil
}

func lutimens(at place, h *tar.Header) error {
	ts := times(h)
	err := unix.UtimesNanoAt(at.fd, at.base, ts[:], unix.AT_SYMLINK_NOFOLLOW)
	return os.NewSyscallError("utimensat", err)
}
