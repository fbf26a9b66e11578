package userns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mapCaps are the capabilities that writing a map of more than one id needs
// over the parent namespace. CAP_SETFCAP is for maps that hold the parent's id
// 0 (Linux 5.12, verify_root_map in kernel/user_namespace.c).
const mapCaps = 1<<capSetUID | 1<<capSetGID | 1<<capSetFCap

const (
	capSetUID  = unix.CAP_SETUID
	capSetGID  = unix.CAP_SETGID
	capSetFCap = unix.CAP_SETFCAP
)

// root tells whether this process is root and able to write maps itself. A
// container's root often is not: its capabilities were dropped.
func (s *system) root() bool {
	_, uid0 := s.uids.ToOutside(0)
	_, gid0 := s.gids.ToOutside(0)
	return s.uid == 0 && s.caps&mapCaps == mapCaps && uid0 && gid0
}

// rootGrant maps every id of this namespace to itself.
func (s *system) rootGrant() Grant {
	g := Grant{
		UID:    int(s.uid),
		GID:    int(s.gid),
		User:   "root",
		UIDs:   identity(s.uids),
		GIDs:   identity(s.gids),
		Source: SourceRoot,
		Direct: true,
		etc:    s.etc,
	}
	if g.UIDs.Size() == 1 || g.GIDs.Size() == 1 {
		g = g.AsSingle()
		g.Note = fmt.Sprintf("%s; this user namespace has no other, map more when creating it (unshare --map-auto)", singleCost)
	}
	return g
}

// identity maps the inside ids of m to themselves, id 0 in an extent of its
// own. The single extent "0 0 4294967295" would say to containers/storage, and
// to others, that this is the initial namespace (unshare.IsRootless reads
// uid_map), and it would use trusted.* attributes, which are not ours to use.
//
// Extents stay cut where m is, see [IDMap.Within].
func identity(m IDMap) IDMap {
	var id IDMap
	for _, s := range m.insides() {
		if s.start == 0 {
			id = append(id, Extent{Size: 1})
			s.start = 1
		}
		if s.size() > 0 {
			id = append(id, Extent{Inside: uint32(s.start), Outside: uint32(s.start), Size: uint32(s.size())})
		}
	}
	return id.shorten()
}
