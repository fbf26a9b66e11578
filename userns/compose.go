package userns

import "slices"

// Inverse returns the map with inside and outside exchanged.
func (m IDMap) Inverse() IDMap {
	inv := make(IDMap, len(m))
	for i, e := range m {
		inv[i] = Extent{Inside: e.Outside, Outside: e.Inside, Size: e.Size}
	}
	return inv
}

// Normalize returns the map in the order of inside ids, without empty extents
// and with extents merged that continue each other on both sides.
//
// A normalized map is for showing and comparing. For writing use
// [IDMap.Within]: the kernel refuses an extent that spans two of the parent.
func (m IDMap) Normalize() IDMap {
	var n IDMap
	for _, e := range m.sorted() {
		if e.Size == 0 {
			continue
		}
		if k := len(n) - 1; k >= 0 &&
			n[k].insideEnd() == uint64(e.Inside) && n[k].outsideEnd() == uint64(e.Outside) {
			n[k].Size += e.Size
			continue
		}
		n = append(n, e)
	}
	return n
}

// Within returns the map cut at the borders of outer's extents, so that it can
// be written to a namespace whose parent has the map outer. The kernel looks
// up each extent of a new map in the parent's as one piece (map_write in
// kernel/user_namespace.c) and answers EPERM when it spans two, even two that
// touch. The result is false when outer lacks some id; those are left out.
func (m IDMap) Within(outer IDMap) (IDMap, bool) {
	var cut IDMap
	m.over(outer, func(piece, _ Extent) { cut = append(cut, piece) })
	slices.SortFunc(cut, byInside)
	return cut, cut.Size() == m.Size()
}

// Compose returns the map from m's inside to outer's outside, normalized: with
// m a container's map and outer the base map, from container ids to host ids.
// Ids that outer does not map are left out.
func (m IDMap) Compose(outer IDMap) IDMap {
	var c IDMap
	m.over(outer, func(piece, o Extent) {
		piece.Outside = o.Outside + (piece.Outside - o.Inside)
		c = append(c, piece)
	})
	return c.Normalize()
}

// over calls f with each piece of m whose outside ids lie in one extent o of
// outer.
func (m IDMap) over(outer IDMap, f func(piece, o Extent)) {
	for _, e := range m {
		for _, o := range outer {
			from := max(e.Outside, o.Inside)
			to := min(e.outsideEnd(), o.insideEnd())
			if uint64(from) >= to {
				continue
			}
			f(Extent{
				Inside:  e.Inside + (from - e.Outside),
				Outside: from,
				Size:    uint32(to - uint64(from)),
			}, o)
		}
	}
}
