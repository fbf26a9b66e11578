package userns

import (
	"bytes"
	"fmt"
)

// ParseIDMap reads the text of /proc/PID/uid_map or gid_map: lines of three
// numbers. Empty text is the map of a namespace that has none yet. The error
// is [ErrBadMap].
func ParseIDMap(text []byte) (IDMap, error) {
	var m IDMap
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("%w: %q is not three numbers", ErrBadMap, clip(line))
		}
		var n [3]uint32
		for i, f := range fields {
			var ok bool
			if n[i], ok = parseID(f); !ok {
				return nil, fmt.Errorf("%w: %q is not an id", ErrBadMap, clip(f))
			}
		}
		if len(m) == MaxExtents {
			return nil, fmt.Errorf("%w: more than %d extents", ErrBadMap, MaxExtents)
		}
		m = append(m, Extent{Inside: n[0], Outside: n[1], Size: n[2]})
	}
	return m, nil
}

// parseID reads an unsigned decimal number of at most 32 bits, without sign,
// blanks or underscores. strconv would allocate a string for each.
func parseID(b []byte) (uint32, bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n <= maxID
}

// clip keeps hostile text short in an error message.
func clip(b []byte) []byte {
	return b[:min(len(b), 64)]
}
