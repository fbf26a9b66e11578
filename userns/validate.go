package userns

import (
	"fmt"
	"slices"
)

// MaxExtents is the most extents a map may have (UID_GID_MAP_MAX_EXTENTS,
// Linux 4.15; five before).
const MaxExtents = 340

// maxID is the first number that is no id: 4294967295 is (uid_t)-1.
const maxID = 1<<32 - 1

// maxText bounds the text of a map. The kernel takes a map in one write of
// less than a page, and 4096 bytes is the smallest page there is. Extents of
// long numbers reach this before MaxExtents.
const maxText = 4096

// Validate tells why the kernel would refuse the map, as an error that is
// [ErrBadMap]; nil when it is well-formed. Whether the writer may map these
// ids is another question.
func (m IDMap) Validate() error {
	if len(m) == 0 {
		return fmt.Errorf("%w: it is empty", ErrBadMap)
	}
	if len(m) > MaxExtents {
		return fmt.Errorf("%w: %d extents, the kernel takes %d", ErrBadMap, len(m), MaxExtents)
	}
	for _, e := range m {
		switch {
		case e.Size == 0:
			return fmt.Errorf("%w: %s has size 0", ErrBadMap, IDMap{e})
		case e.insideEnd() > maxID || e.outsideEnd() > maxID:
			return fmt.Errorf("%w: %s goes beyond the last id, %d", ErrBadMap, IDMap{e}, uint32(maxID-1))
		}
	}
	if a, b, found := overlap(m); found {
		return fmt.Errorf("%w: %s and %s overlap", ErrBadMap, IDMap{a}, IDMap{b})
	}
	if a, b, found := overlap(m.Inverse()); found {
		return fmt.Errorf("%w: %s and %s map the same ids twice",
			ErrBadMap, IDMap{a}.Inverse(), IDMap{b}.Inverse())
	}
	if n := len(m.Kernel()); n >= maxText {
		return fmt.Errorf("%w: %d bytes of text in %d extents, the kernel takes less than %d",
			ErrBadMap, n, len(m), maxText)
	}
	return nil
}

// overlap returns two extents that share an inside id.
func overlap(m IDMap) (a, b Extent, found bool) {
	s := m.sorted()
	for i := 1; i < len(s); i++ {
		if s[i-1].insideEnd() > uint64(s[i].Inside) {
			return s[i-1], s[i], true
		}
	}
	return Extent{}, Extent{}, false
}

// shorten drops extents from the end until the kernel would take the text.
func (m IDMap) shorten() IDMap {
	m = slices.Clip(m[:min(len(m), MaxExtents)])
	for len(m.Kernel()) >= maxText {
		m = m[:len(m)-1]
	}
	return m
}
