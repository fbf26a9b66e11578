package userns

import "slices"

// span is the ids from start up to, not including, end.
type span struct{ start, end uint64 }

func (s span) size() uint64 { return s.end - s.start }

// spans is a set of ids: ordered, disjoint, none empty. Spans that touch stay
// apart: where a map is cut matters, see [IDMap.Within].
type spans []span

// spansOf orders a list of spans and removes what overlaps.
func spansOf(list ...span) spans {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b span) int {
		switch {
		case a.start < b.start:
			return -1
		case a.start > b.start:
			return 1
		}
		return 0
	})
	var set spans
	var end uint64
	for _, s := range sorted {
		s.start = max(s.start, end)
		if s.start >= s.end {
			continue
		}
		set = append(set, s)
		end = s.end
	}
	return set
}

// insides and outsides are the sets of ids a map has on either side.
func (m IDMap) insides() spans {
	list := make([]span, len(m))
	for i, e := range m {
		list[i] = span{uint64(e.Inside), e.insideEnd()}
	}
	return spansOf(list...)
}

func (m IDMap) outsides() spans { return m.Inverse().insides() }

func (s spans) size() uint64 {
	var n uint64
	for _, x := range s {
		n += x.size()
	}
	return n
}

// minus returns the ids of s that are not in o.
func (s spans) minus(o spans) spans {
	var left spans
	for _, x := range s {
		for _, y := range o {
			if y.end <= x.start || y.start >= x.end {
				continue
			}
			if x.start < y.start {
				left = append(left, span{x.start, y.start})
			}
			x.start = min(max(x.start, y.end), x.end)
		}
		if x.start < x.end {
			left = append(left, x)
		}
	}
	return left
}

// and returns the ids that are in both, cut at the borders of both.
func (s spans) and(o spans) spans {
	var both spans
	for _, x := range s {
		for _, y := range o {
			if z := (span{max(x.start, y.start), min(x.end, y.end)}); z.start < z.end {
				both = append(both, z)
			}
		}
	}
	return both
}

// first returns the n lowest ids, or all.
func (s spans) first(n uint64) spans {
	var low spans
	for _, x := range s {
		if n == 0 {
			break
		}
		x.end = min(x.end, x.start+min(n, x.size()))
		low = append(low, x)
		n -= x.size()
	}
	return low
}

// slice returns n ids, in one piece at the lowest place that has room, else in
// the lowest pieces; false when there are fewer.
func (s spans) slice(n uint64) (spans, bool) {
	for _, x := range s.joined() {
		if x.size() >= n {
			return spans{{x.start, x.start + n}}, true
		}
	}
	low := s.first(n)
	return low, low.size() == n
}

// joined merges spans that touch.
func (s spans) joined() spans {
	var j spans
	for _, x := range s {
		if k := len(j) - 1; k >= 0 && j[k].end == x.start {
			j[k].end = x.end
			continue
		}
		j = append(j, x)
	}
	return j
}

// zip maps the ids of inside, in order, to the ids of outside, in order, as
// far as both go.
func zip(inside, outside spans) IDMap {
	var m IDMap
	inside, outside = slices.Clone(inside), slices.Clone(outside)
	for len(inside) > 0 && len(outside) > 0 {
		a, b := &inside[0], &outside[0]
		n := min(a.size(), b.size())
		m = append(m, Extent{Inside: uint32(a.start), Outside: uint32(b.start), Size: uint32(n)})
		if a.start += n; a.start == a.end {
			inside = inside[1:]
		}
		if b.start += n; b.start == b.end {
			outside = outside[1:]
		}
	}
	return m
}
