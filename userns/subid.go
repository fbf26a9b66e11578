package userns

import (
	"bytes"
	"strconv"
)

// The files of subuid(5) and subgid(5), below the directory /etc.
const (
	subUIDFile = "subuid"
	subGIDFile = "subgid"
)

// subIDs calls f with the owner, a name or a decimal uid, and the ids of each
// line "owner:first:count". Lines that are not of this form, comments among
// them, and ranges that hold no id or more than there are, are passed over: a
// broken line of another user must not keep this one from working.
func subIDs(text []byte, f func(owner []byte, s span)) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		owner, rest, _ := bytes.Cut(line, []byte{':'})
		from, size, ok := bytes.Cut(rest, []byte{':'})
		if !ok || len(owner) == 0 {
			continue
		}
		first, ok1 := parseID(from)
		count, ok2 := parseID(size)
		s := span{uint64(first), uint64(first) + uint64(count)}
		if ok1 && ok2 && count > 0 && s.end <= maxID {
			f(owner, s)
		}
	}
}

// subIDsOf returns the ids of the lines that name a user, by name or by uid,
// lowest first whatever their order in the file.
//
// The order decides which id of a layer belongs to which host id, so it has to
// be podman's, whose layers lie in the same store: containers/storage sorts
// the ranges too (createIDMap in pkg/idtools). Lines that touch stay separate
// extents: newuidmap with a directory service behind it (libsubid plug-in) is
// asked for one granted range at a time and may know no sum of two.
func subIDsOf(text []byte, name string, uid uint32) spans {
	var list []span
	var number [10]byte
	id := strconv.AppendUint(number[:0], uint64(uid), 10)
	subIDs(text, func(owner []byte, s span) {
		if string(owner) == name || bytes.Equal(owner, id) {
			list = append(list, s)
		}
	})
	return spansOf(list...)
}

// baseMap joins a user's own id, as 0, and the granted ranges, from 1, to the
// map of the base namespace. here are the ids of the namespace we are in.
//
// The own id is cut out of the ranges: no id may be mapped twice
// (podman#4436). What this namespace does not have is cut off, and a range that spans
// two extents of its map is cut in two: in a nested container the files may
// promise ids that nobody can map. lost is how many ids were cut off so.
func baseMap(own uint32, granted spans, here IDMap) (base IDMap, lost uint64) {
	ids := granted.minus(spans{{uint64(own), uint64(own) + 1}})
	usable := ids.and(here.insides())
	base = IDMap{{Inside: 0, Outside: own, Size: 1}}
	next := uint64(1)
	for _, s := range usable {
		n := min(s.size(), maxID-next)
		if n == 0 {
			break
		}
		base = append(base, Extent{Inside: uint32(next), Outside: uint32(s.start), Size: uint32(n)})
		next += n
	}
	base = base.shorten()
	return base, ids.size() - (base.Size() - 1)
}
