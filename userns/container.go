package userns

import (
	"fmt"
)

// Container computes the user namespace of a container.
//
// The default, like "private", is a namespace of its own with every base id
// under the same number. Podman runs such a container in the base namespace
// itself; ids and ownership are the same, but here its root has no power over
// the supervisor's namespaces.
//
// The error is [ErrBadRequest], [ErrConflict], [ErrTooFew] or [ErrBadMap].
func (g Grant) Container(r Request) (Maps, error) {
	mode, opts, err := parseMode(r.Mode)
	if err != nil {
		return Maps{}, err
	}
	if r.explicit() && mode != "" && mode != "private" {
		return Maps{}, fmt.Errorf("%w: --userns=%s with --uidmap, --gidmap, --subuidname or --subgidname\n  fix: leave out one of them",
			ErrConflict, r.Mode)
	}
	var maps [2]IDMap
	switch mode {
	case "host":
		return Maps{Host: true}, nil
	case "container":
		return Maps{Join: opts[""][0]}, nil
	case "keep-id":
		return g.keepID(opts)
	case "nomap":
		maps, err = g.noMap()
	case "auto":
		maps, err = g.auto(r, opts)
	default:
		maps, err = g.explicitMaps(r)
	}
	if err != nil {
		return Maps{}, err
	}
	return g.fit(maps)
}

// fit checks the maps and cuts them so that the kernel takes them.
func (g Grant) fit(maps [2]IDMap) (Maps, error) {
	for i, k := range kinds {
		m := maps[i].sorted()
		if err := m.Validate(); err != nil {
			return Maps{}, fmt.Errorf("cannot map %ss: %w", k.name, err)
		}
		cut, all := m.Within(k.of(g))
		if !all {
			lacking := m.outsides().minus(k.of(g).insides())
			last := lacking[len(lacking)-1].end - 1
			return Maps{}, g.tooFew(k, last+1, fmt.Sprintf("base id %d does not exist", last))
		}
		if err := cut.Validate(); err != nil {
			return Maps{}, fmt.Errorf("cannot map %ss: %w", k.name, err)
		}
		maps[i] = cut
	}
	return Maps{UIDs: maps[0], GIDs: maps[1]}, nil
}

// keepID gives the user the same ids inside as outside, or those asked for,
// and fills the numbers below and above with the granted ids in order.
func (g Grant) keepID(opts options) (Maps, error) {
	var maps [2]IDMap
	var own [2]uint32
	for i, k := range kinds {
		id := [...]int{g.UID, g.GID}[i]
		if g.Direct {
			id = 0 // as base root, whatever the group
		}
		u, err := opts.number("keep-id", k.name, uint32(id))
		if err != nil {
			return Maps{}, err
		}
		size, err := opts.number("keep-id", "size", 0)
		if err != nil {
			return Maps{}, err
		}
		others := g.others(k)
		// A single grant has said already that it has one id.
		if size > 0 && !g.Single {
			if have := others.size() + 1; uint64(size) > have {
				return Maps{}, g.tooFew(k, uint64(size), "--userns=keep-id:size= asks for them")
			}
			others = others.first(uint64(size) - 1)
		}
		around := spans{{0, maxID}}.minus(spans{{uint64(u), uint64(u) + 1}})
		maps[i] = append(zip(around, others), Extent{Inside: u, Outside: 0, Size: 1})
		own[i] = u
	}
	m, err := g.fit(maps)
	m.KeepID, m.UID, m.GID = err == nil, own[0], own[1]
	return m, err
}

// noMap gives the container every id but the user's own.
func (g Grant) noMap() (maps [2]IDMap, err error) {
	if g.Direct {
		// Host id 1 and up belong to the host's services.
		return maps, fmt.Errorf("%w: --userns=nomap is for unprivileged users\n  fix: --userns=auto", ErrConflict)
	}
	for i, k := range kinds {
		others := g.others(k)
		if len(others) == 0 {
			return maps, g.tooFew(k, 2, "--userns=nomap leaves out the only one")
		}
		maps[i] = zip(spans{{0, maxID}}, others)
	}
	return maps, nil
}

// others are the base ids besides 0, the user's own.
func (g Grant) others(k kind) spans {
	return k.of(g).insides().minus(spans{{0, 1}})
}
