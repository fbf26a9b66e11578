package userns

import "fmt"

const (
	// minAuto is the least size of an automatic namespace, as in storage.conf(5).
	minAuto = 1024
	// autoUser is the name in subuid(5) under which root keeps the ids of
	// automatic namespaces, as podman's and storage.conf's root-auto-userns-user.
	autoUser = "containers"
	// firstAuto is where root's automatic namespaces begin without such a line:
	// the range that podman(1) recommends for it, which no user is given.
	firstAuto = 1 << 31
)

// auto gives the container a slice of the base ids that no other container
// with auto has: the lowest that is free.
func (g Grant) auto(r Request, opts options) (maps [2]IDMap, err error) {
	size, err := opts.number("auto", "size", max(minAuto, r.ImageMaxUID+1, r.ImageMaxGID+1))
	if err != nil {
		return maps, err
	}
	for i, k := range kinds {
		pinned, err := g.parseMaps(k, opts[k.name+"mapping"])
		if err != nil {
			return maps, err
		}
		taken := pinned.outsides()
		for _, t := range r.Taken {
			taken = spansOf(append(taken, [...]IDMap{t.UIDs, t.GIDs}[i].outsides()...)...)
		}
		pool := g.autoPool(k)
		inside := (spans{{0, uint64(size)}}).minus(pinned.insides())
		need := inside.size()
		slice, ok := pool.minus(taken).slice(need)
		if !ok {
			why := fmt.Sprintf("--userns=auto needs %d and %d of the %d for it are taken", need, pool.size()-pool.minus(taken).size(), pool.size())
			return maps, g.tooFew(k, g.size(k)+need-slice.size(), why)
		}
		maps[i] = append(zip(inside, slice), pinned...)
	}
	return maps, nil
}

// autoPool are the base ids that auto may use: all but the user's own. For
// root those would be the host's users; root uses the ranges of the name
// "containers", or in a namespace of less than all ids, a container's, any.
func (g Grant) autoPool(k kind) spans {
	others := g.others(k)
	if !g.Direct {
		return others
	}
	text, _ := readFile(g.etcPath(k.subFile)) // unreadable: as if it had no such line
	var list []span
	subIDs(text, func(owner []byte, s span) {
		if string(owner) == autoUser {
			list = append(list, s)
		}
	})
	switch {
	case len(list) > 0:
		return others.and(spansOf(list...))
	case g.size(k) == maxID:
		return others.and(spans{{firstAuto, maxID}})
	}
	return others
}

// size is how many base ids there are.
func (g Grant) size(k kind) uint64 { return k.of(g).Size() }
