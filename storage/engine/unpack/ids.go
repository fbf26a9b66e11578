package unpack

import (
	"archive/tar"
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// An Extent is a run of ids that exist in the user namespace.
type Extent struct{ First, Count uint32 }

// IDs are the ids that files can belong to, in ascending order.
type IDs []Extent

// ReadIDs reads the first and the third column of a file in the form of
// /proc/self/uid_map (user_namespaces(7)).
func ReadIDs(r io.Reader) (IDs, error) {
	var ids IDs
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var first, host, count uint32
		if _, err := fmt.Sscan(lines.Text(), &first, &host, &count); err != nil {
			return nil, fmt.Errorf("id map has the line %q: %w", lines.Text(), err)
		}
		ids = append(ids, Extent{first, count})
	}
	slices.SortFunc(ids, func(a, b Extent) int { return int(int64(a.First) - int64(b.First)) })
	return ids, lines.Err()
}

// Has reports whether a file can belong to id. The highest 32-bit number is no
// id: to chown(2) it means "leave it as it is".
func (ids IDs) Has(id int) bool {
	if id < 0 || id >= math.MaxUint32 {
		return false
	}
	for _, e := range ids {
		if uint32(id) >= e.First && uint32(id)-e.First < e.Count {
			return true
		}
	}
	return false
}

// An IDError says that a file's owner does not exist in the user namespace.
type IDError struct {
	Group bool // ID is a group's
	ID    int
}

// Error names the id.
func (e *IDError) Error() string {
	kind := "user"
	if e.Group {
		kind = "group"
	}
	return fmt.Sprintf("it belongs to %s %d, which is beyond your ids", kind, e.ID)
}

// Owners says what becomes of a file whose owner does not exist.
type Owners int

const (
	Refuse Owners = iota // it is an error
	Squash               // it is root's, and [OwnerXattr] says whose it was
	Ignore               // it is root's: there is one id only
)

// OwnerXattr is the attribute that says whose a squashed file was: "UID:GID" in
// decimal. Links and special files have none, since the kernel gives them no
// user attributes.
const OwnerXattr = "user.coracle.owner"

// owner is who an entry's file will belong to; was is what to write down of it.
func (u *unpacker) owner(h *tar.Header) (uid, gid int, was string, err error) {
	uid, gid = h.Uid, h.Gid
	okUID, okGID := u.o.UIDs.Has(uid), u.o.GIDs.Has(gid)
	if okUID && okGID {
		return uid, gid, "", nil
	}
	switch u.o.Owners {
	case Squash:
		was = fmt.Sprintf("%d:%d", uid, gid)
		u.result.Squashed++
	case Ignore:
	default:
		if !okUID {
			return 0, 0, "", &IDError{ID: uid}
		}
		return 0, 0, "", &IDError{Group: true, ID: gid}
	}
	if !okUID {
		uid = 0
	}
	if !okGID {
		gid = 0
	}
	return uid, gid, was, nil
}

// note remembers an entry's owner as containers/storage does: for all but
// whiteouts, as the archive has it.
func (u *unpacker) note(h *tar.Header, base string) {
	if strings.HasPrefix(base, whiteout) {
		return
	}
	if id := uint32(h.Uid); !u.anyID || id != u.lastUID {
		u.uids[id], u.lastUID = struct{}{}, id
	}
	if id := uint32(h.Gid); !u.anyID || id != u.lastGID {
		u.gids[id], u.lastGID = struct{}{}, id
	}
	u.anyID = true
}

// owners lists noted ids. Of a squashed layer they are those that are on disk: a
// container needs no others.
func (u *unpacker) owners(noted map[uint32]struct{}, exist IDs) []uint32 {
	out, squashed := make([]uint32, 0, len(noted)), false
	for id := range noted {
		if u.o.Owners == Squash && !exist.Has(int(id)) {
			squashed = true
			continue
		}
		out = append(out, id)
	}
	if squashed && !slices.Contains(out, 0) {
		out = append(out, 0)
	}
	slices.Sort(out)
	return out
}
