package containerfs

import (
	"errors"
	"fmt"

	"coracle/userns"
)

// Nobody is shown for an id that a map does not have (overflowuid in
// user_namespaces(7)).
const Nobody = 65534

// ErrNotMapped says that a root has no such id.
var ErrNotMapped = errors.New("id is not mapped")

// Owners are the id maps of a root file system: from the ids that it shows to
// those that this process sees, base ids. The zero value shows ids as they are.
type Owners struct{ UIDs, GIDs userns.IDMap }

// Show translates the owner of a file to what the root shows: [Nobody] for an id
// that it does not have.
func (o Owners) Show(uid, gid uint32) (int, int) { return show(o.UIDs, uid), show(o.GIDs, gid) }

func show(m userns.IDMap, id uint32) int {
	if m == nil {
		return int(id)
	}
	if inside, ok := m.ToInside(id); ok {
		return int(inside)
	}
	return Nobody
}

// Place translates ids that the root shows to those a file must have for it.
// Errors: [ErrNotMapped].
func (o Owners) Place(uid, gid int) (u, g int, err error) {
	if u, err = place(o.UIDs, uid, "uid"); err == nil {
		g, err = place(o.GIDs, gid, "gid")
	}
	return u, g, err
}

func place(m userns.IDMap, id int, kind string) (int, error) {
	if m == nil && id >= 0 && id < 1<<32-1 {
		return id, nil
	}
	if id >= 0 && id < 1<<32-1 {
		if outside, ok := m.ToOutside(uint32(id)); ok {
			return int(outside), nil
		}
	}
	return 0, fmt.Errorf("%w: %s %d", ErrNotMapped, kind, id)
}

// first is root of the map, or the lowest id that it has.
func first(m userns.IDMap) int {
	if _, ok := m.ToOutside(0); ok || len(m) == 0 {
		return 0
	}
	lowest := m[0].Inside
	for _, e := range m {
		lowest = min(lowest, e.Inside)
	}
	return int(lowest)
}

// Root returns who new files belong to: the root's root.
func (o Owners) Root() (uid, gid int) { return first(o.UIDs), first(o.GIDs) }
