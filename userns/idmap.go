package userns

import (
	"slices"
	"strconv"
)

// Extent maps Size consecutive ids: Inside+i in the namespace is Outside+i in
// its parent. The fields are the three numbers of a line of
// /proc/PID/uid_map, see user_namespaces(7).
type Extent struct{ Inside, Outside, Size uint32 }

// insideEnd and outsideEnd are the first ids after the extent. They need more
// than 32 bits in extents that nobody validated yet.
func (e Extent) insideEnd() uint64  { return uint64(e.Inside) + uint64(e.Size) }
func (e Extent) outsideEnd() uint64 { return uint64(e.Outside) + uint64(e.Size) }

// IDMap is a uid or gid map: a list of extents in no particular order. The
// zero value maps nothing.
//
// Every method takes any list; only [IDMap.Validate] tells whether the kernel
// would.
type IDMap []Extent

// ToOutside returns what id, an id of the namespace, is in the parent; false
// when it is not mapped.
func (m IDMap) ToOutside(id uint32) (uint32, bool) {
	for _, e := range m {
		if id >= e.Inside && id-e.Inside < e.Size {
			return e.Outside + (id - e.Inside), true
		}
	}
	return 0, false
}

// ToInside returns what id, an id of the parent, is in the namespace; false
// when it is not mapped.
func (m IDMap) ToInside(id uint32) (uint32, bool) {
	for _, e := range m {
		if id >= e.Outside && id-e.Outside < e.Size {
			return e.Inside + (id - e.Outside), true
		}
	}
	return 0, false
}

// Size returns how many ids are mapped.
func (m IDMap) Size() uint64 {
	var n uint64
	for _, e := range m {
		n += uint64(e.Size)
	}
	return n
}

// Identity tells whether no mapped id changes, so that files stored for the
// parent need no change of owner. An empty map changes nothing.
func (m IDMap) Identity() bool {
	return !slices.ContainsFunc(m, func(e Extent) bool { return e.Inside != e.Outside })
}

// Equal tells whether both hold the same extents, in any order. Maps that
// mean the same with extents cut at other places are different here: where
// they are cut is visible in /proc/PID/uid_map and programs look at it.
func (m IDMap) Equal(o IDMap) bool {
	return slices.Equal(m.sorted(), o.sorted())
}

// String returns the lines of uid_map joined by commas: "0 1000 1, 1 100000 65536".
func (m IDMap) String() string { return string(m.text(", ")) }

// Kernel returns the text to write to /proc/PID/uid_map.
func (m IDMap) Kernel() []byte {
	if len(m) == 0 {
		return nil
	}
	return append(m.text("\n"), '\n')
}

func (m IDMap) text(separator string) []byte {
	var b []byte
	for i, e := range m {
		if i > 0 {
			b = append(b, separator...)
		}
		b = strconv.AppendUint(b, uint64(e.Inside), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(e.Outside), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(e.Size), 10)
	}
	return b
}

// sorted returns a copy in the order of inside ids, as the kernel shows maps
// of more than five extents.
func (m IDMap) sorted() IDMap {
	s := slices.Clone(m)
	slices.SortFunc(s, byInside)
	return s
}

func byInside(a, b Extent) int {
	switch {
	case a.Inside < b.Inside:
		return -1
	case a.Inside > b.Inside:
		return 1
	}
	return 0
}
