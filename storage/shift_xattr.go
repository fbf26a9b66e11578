package storage

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Extended attributes hold ids too: access control lists name users, and file
// capabilities the root user they are meant for.

// xattrRules say what becomes of an attribute, by the beginning of its name; the
// first that fits counts. A rule returns the new value, or false to leave it out.
var xattrRules = [...]struct {
	prefix string
	apply  func(c *copier, name string, value []byte) ([]byte, bool)
	quiet  bool // nobody misses it
}{
	{overlayXattr, overlayMark, true},
	{"user.", keepXattr, false},
	{"security.capability", shiftCapability, false},
	{"system.posix_acl_", shiftACL, false},
	{"security.selinux", dropXattr, true}, // comes from the place, not from the file
	{"", dropXattr, false},
}

func keepXattr(_ *copier, _ string, value []byte) ([]byte, bool) { return value, true }

func dropXattr(*copier, string, []byte) ([]byte, bool) { return nil, false }

// overlayXattr begins the names that overlay gives a meaning to. What a container
// sets under such a name overlay itself writes as overlayEscaped (Linux 6.7).
const (
	overlayXattr   = "user.overlay."
	overlayEscaped = overlayXattr + "overlay."
)

// overlayMark lets through what hides lower files, and what is escaped. An
// image may hold any attribute: a file that says its data is elsewhere could
// name any file of the store, for this tree is stacked on all of it. Images
// without data-only directories beneath them cannot: overlay refuses.
func overlayMark(c *copier, name string, value []byte) ([]byte, bool) {
	switch {
	case strings.HasPrefix(name, overlayEscaped):
		return value, true
	case name == overlayXattr+"opaque", name == overlayXattr+"whiteout":
		return value, c.keepMarks
	}
	return nil, false
}

// attributesOf names an open file, or one that cannot be a link by its path.
type attributesOf struct {
	fd   int
	path string
}

func (a attributesOf) list(buf []byte) (int, error) {
	if a.path != "" {
		return unix.Llistxattr(a.path, buf)
	}
	return unix.Flistxattr(a.fd, buf)
}

func (a attributesOf) get(name string, buf []byte) (int, error) {
	if a.path != "" {
		return unix.Lgetxattr(a.path, name, buf)
	}
	return unix.Fgetxattr(a.fd, name, buf)
}

func (c *copier) xattrs(in attributesOf, out int) error {
	list, err := grow(in.list)
	if err == unix.EOPNOTSUPP {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listxattr: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		value, err := grow(func(buf []byte) (int, error) { return in.get(name, buf) })
		if err == unix.ENODATA {
			continue
		}
		if err == unix.EOVERFLOW { // capabilities of a root that this namespace has no id for
			c.note(name + " of another user namespace was left out")
			continue
		}
		if err != nil {
			return fmt.Errorf("getxattr %s: %w", name, err)
		}
		if err := c.xattr(out, name, value); err != nil {
			return fmt.Errorf("setxattr %s: %w", name, err)
		}
	}
	return nil
}

func (c *copier) xattr(out int, name string, value []byte) error {
	for _, rule := range xattrRules {
		if !strings.HasPrefix(name, rule.prefix) {
			continue
		}
		value, keep := rule.apply(c, name, value)
		if keep {
			if !c.stacked && strings.HasPrefix(name, overlayEscaped) {
				name = overlayXattr + name[len(overlayEscaped):]
			}
			return unix.Fsetxattr(out, name, value, 0)
		}
		if !rule.quiet {
			c.note(name + " was left out")
		}
		return nil
	}
	return nil
}

// grow calls until the buffer is large enough for what the call returns.
func grow(call func(buf []byte) (int, error)) ([]byte, error) {
	for buf := make([]byte, 256); ; buf = make([]byte, 4*len(buf)) {
		n, err := call(buf)
		if err == unix.ERANGE && len(buf) <= 64<<10 { // XATTR_SIZE_MAX
			continue
		}
		if err != nil {
			return nil, err
		}
		return buf[:n], nil
	}
}

// shiftCapability rewrites file capabilities (capabilities(7), linux/
// capability.h). Without a root id (revision 2) the kernel writes the base
// namespace's root, and that holds in every namespace beneath it. With one
// (revision 3) the id is mapped as an owner is.
func shiftCapability(c *copier, _ string, value []byte) ([]byte, bool) {
	const revision2, revision3, rootID = 0x02000000, 0x03000000, 20
	if len(value) < 4 {
		return nil, false
	}
	switch binary.LittleEndian.Uint32(value) &^ 0xffffff {
	case revision2:
		return value, len(value) == rootID
	case revision3:
		if len(value) != rootID+4 {
			return nil, false
		}
		id, ok := c.shifter.UID(binary.LittleEndian.Uint32(value[rootID:]))
		return binary.LittleEndian.AppendUint32(value[:rootID:rootID], id), ok
	}
	return nil, false
}

// shiftACL maps the users and groups that an access control list names (acl(5),
// linux/posix_acl_xattr.h: a version, then entries of tag, permissions, id).
func shiftACL(c *copier, _ string, value []byte) ([]byte, bool) {
	const version, header, size, tagUser, tagGroup = 2, 4, 8, 0x02, 0x08
	if len(value) < header || (len(value)-header)%size != 0 || binary.LittleEndian.Uint32(value) != version {
		return nil, false
	}
	shifted := append([]byte(nil), value...)
	for entry := shifted[header:]; len(entry) > 0; entry = entry[size:] {
		mapID := c.shifter.UID
		switch binary.LittleEndian.Uint16(entry) {
		case tagUser:
		case tagGroup:
			mapID = c.shifter.GID
		default:
			continue
		}
		id, ok := mapID(binary.LittleEndian.Uint32(entry[4:]))
		if !ok {
			return nil, false
		}
		binary.LittleEndian.PutUint32(entry[4:], id)
	}
	return shifted, true
}
