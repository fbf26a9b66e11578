package archive

import (
	"archive/tar"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// paxXattr begins the PAX records that are extended attributes, star(1).
const paxXattr = "SCHILY.xattr."

// maxXattrs bounds the attributes of one member.
const maxXattrs = 256

// carried tells which attributes an archive has: not labels, which belong to the
// place, and not what overlay keeps for itself.
func carried(name string) bool {
	return strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.overlay.") ||
		name == "security.capability" || strings.HasPrefix(name, "system.posix_acl_")
}

func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// readXattrs puts the attributes of what fd stands for (O_PATH) into a header.
// It is no link, so its path in /proc leads to itself.
func readXattrs(fd int, h *tar.Header) error {
	buf := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Listxattr(procPath(fd), buf)
	if errors.Is(err, unix.EOPNOTSUPP) || err == nil && n == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if !carried(name) {
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := unix.Getxattr(procPath(fd), name, value)
		switch err {
		case nil:
		case unix.ENODATA, unix.EOVERFLOW: // gone, or of a root that has no id here
			continue
		default:
			return err
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[paxXattr+name] = string(value[:n])
	}
	return nil
}

// writeXattrs sets what a header has on an open file. A file system without such
// attributes is no error.
func writeXattrs(fd int, h *tar.Header) error {
	n := 0
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok || !carried(name) {
			continue
		}
		if n++; n > maxXattrs {
			return errors.New("it has more than 256 extended attributes")
		}
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		if err != nil && err != unix.EOPNOTSUPP && err != unix.EPERM {
			return err
		}
	}
	return nil
}
