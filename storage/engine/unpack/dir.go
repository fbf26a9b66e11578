package unpack

import (
	"archive/tar"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A directory is what is left to do for one when everything in it is made:
// making files changes its times, and a default access list would go to them.
type directory struct {
	name  string // its path without links
	times [2]unix.Timespec
	acl   string
}

// directory makes a directory, or gives one that is there its entry's owner,
// mode and attributes.
func (u *unpacker) directory(at place, h *tar.Header) error {
	uid, gid, was, err := u.owner(h)
	if err != nil {
		return err
	}
	err = unix.Mkdirat(at.fd, at.base, bits(h)&0o777)
	if errors.Is(err, unix.EEXIST) {
		err = u.merge(at, bits(h)&0o777)
	}
	if err != nil {
		return err
	}
	fd, known := u.tree.open[at.real]
	if !known {
		fd, err = unix.Openat(at.fd, at.base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { u.tree.keep(at.real, fd) }()
	}
	return u.dress(place{fd: fd, real: at.real}, h, uid, gid, was)
}

// merge is for a name that is taken: by a directory, which stays, or by what
// has to go.
func (u *unpacker) merge(at place, mode uint32) error {
	u.twice = true
	var st unix.Stat_t
	if err := unix.Fstatat(at.fd, at.base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	if _, err := u.displace(at, -1); err != nil {
		return err
	}
	return unix.Mkdirat(at.fd, at.base, mode)
}

// dress gives an open directory what its entry says.
func (u *unpacker) dress(at place, h *tar.Header, uid, gid int, was string) error {
	if u.twice || uid != 0 || gid != 0 || u.setgid {
		if err := unix.Fchown(at.fd, uid, gid); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	mode := bits(h)
	if u.twice || u.setgid || mode&u.umask != 0 || mode&^0o777 != 0 {
		if err := unix.Fchmod(at.fd, mode); err != nil {
			return os.NewSyscallError("chmod", err)
		}
	}
	u.setgid = u.setgid || mode&unix.S_ISGID != 0
	if err := u.attributes(at, at.fd, h, was); err != nil {
		return err
	}
	u.later = append(u.later, directory{at.real, times(h), h.PAXRecords[paxXattr+aclDefault]})
	return u.done(h, 0)
}

// rootEntry is the layer's root directory, which is there.
func (u *unpacker) rootEntry(h *tar.Header) error {
	if h.Typeflag != tar.TypeDir {
		return formatf("the layer's root is not a directory in it")
	}
	uid, gid, was, err := u.owner(h)
	if err != nil {
		return err
	}
	u.note(h, "")
	again := u.result.Root != nil
	mode := h.FileInfo().Mode()
	u.result.Root = &mode
	// The directory was made by others: everything of it is set.
	u.twice = true
	defer func() { u.twice = false }()
	at := place{fd: u.tree.root}
	if err := u.dress(at, h, uid, gid, was); err != nil || again {
		return err
	}
	return u.split.file(h.Name, 0)
}

// finish sets the times of directories. One that was replaced since has no say.
func (u *unpacker) finish() error {
	for i := range u.later {
		d := &u.later[i]
		fd, _, err := u.tree.find(d.name, false)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			continue
		}
		if err != nil {
			return err
		}
		if d.acl != "" {
			if err := u.setxattr(place{}, fd, aclDefault, []byte(d.acl)); err != nil {
				return err
			}
		}
		if err := utimens(fd, &d.times); err != nil {
			return err
		}
	}
	return nil
}
