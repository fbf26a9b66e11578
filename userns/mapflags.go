package userns

import (
	"fmt"
	"strings"
)

// mapSpec is one --uidmap or --gidmap: [flags]container:base[:size], or
// [flags]container:@host[:size] with a host id in the place of a base id.
type mapSpec struct {
	Extent
	host   bool   // Outside is a host id
	extend bool   // "+": replaces what it overlaps, and the rest is filled up
	onlyID string // "u" or "g": for this kind only, "" for both
	text   string
}

// parseMapSpec reads one value. The error is [ErrBadRequest].
func parseMapSpec(text string) (mapSpec, error) {
	s := mapSpec{text: text}
	rest := text
	for rest != "" && strings.IndexByte("+ug", rest[0]) >= 0 {
		if rest[0] == '+' {
			s.extend = true
		} else {
			s.onlyID += rest[:1]
		}
		rest = rest[1:]
	}
	fields := strings.Split(rest, ":")
	if len(fields) == 2 {
		fields = append(fields, "1")
	}
	if len(fields) != 3 {
		return s, badSpec(text, "it has not two or three fields")
	}
	fields[1], s.host = strings.CutPrefix(fields[1], "@")
	for i, n := range [...]*uint32{&s.Inside, &s.Outside, &s.Size} {
		var ok bool
		if *n, ok = parseID([]byte(fields[i])); !ok {
			return s, badSpec(text, fmt.Sprintf("%q is not an id", clip([]byte(fields[i]))))
		}
	}
	if len(s.onlyID) > 1 { // "ug" is both, as is neither
		s.onlyID = ""
	}
	return s, nil
}

func badSpec(text, why string) error {
	return fmt.Errorf("%w: id map %q: %s\n  fix: use [+][u|g]CONTAINER_ID:[@]FROM_ID[:SIZE]", ErrBadRequest, clip([]byte(text)), why)
}

// explicitMaps computes the maps of --uidmap, --gidmap, --subuidname and
// --subgidname. What is not given is as the other; with neither, the map is the
// identity over all base ids.
func (g Grant) explicitMaps(r Request) (maps [2]IDMap, err error) {
	given := [2][]string{r.UIDMap, r.GIDMap}
	names := [2]string{r.SubUIDName, r.SubGIDName}
	if r.named() && len(given[0])+len(given[1]) > 0 {
		return maps, fmt.Errorf("%w: --subuidname or --subgidname with --uidmap or --gidmap\n  fix: leave out one of them", ErrConflict)
	}
	for i, k := range kinds {
		other := 1 - i
		switch {
		case r.named():
			maps[i], err = g.namedMap(k, either(names[i], names[other]))
		case len(given[i]) > 0:
			maps[i], err = g.parseMaps(k, given[i])
		default:
			maps[i], err = g.parseMaps(k, given[other])
		}
		if err != nil {
			return maps, err
		}
		if len(maps[i]) == 0 { // nothing for this kind, the flags u and g
			maps[i] = zipSame(k.of(g).insides())
		}
	}
	return maps, nil
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// parseMaps reads a list of values, each of which may hold several separated
// by commas, and joins those for this kind.
func (g Grant) parseMaps(k kind, values []string) (IDMap, error) {
	var m IDMap
	fill := false
	for _, value := range values {
		for text := range strings.SplitSeq(value, ",") {
			s, err := parseMapSpec(text)
			if err != nil {
				return nil, err
			}
			if s.onlyID != "" && s.onlyID != k.name[:1] {
				continue
			}
			pieces := IDMap{s.Extent}
			if err := pieces.Validate(); err != nil {
				return nil, fmt.Errorf("id map %q: %w", text, err)
			}
			if s.host {
				if pieces, err = g.fromHost(k, s); err != nil {
					return nil, err
				}
			}
			if s.extend {
				fill = fill || len(m) == 0
				m = m.without(pieces)
			}
			m = append(m, pieces...)
		}
	}
	if fill {
		inside := (spans{{0, maxID}}).minus(m.insides())
		outside := k.of(g).insides().minus(m.outsides())
		m = append(m, zip(inside, outside)...)
	}
	return m, nil
}

// fromHost turns the host ids of a spec into base ids.
func (g Grant) fromHost(k kind, s mapSpec) (IDMap, error) {
	m := IDMap{s.Extent}.Compose(k.of(g).Inverse())
	if m.Size() != uint64(s.Size) {
		return nil, fmt.Errorf("%w: id map %q: %q may not map all of these host %ss, only these (base, host, size): %s\n  fix: sudo usermod --add-%ss %d-%d %s",
			ErrTooFew, s.text, g.User, k.name, k.of(g), k.subFile, s.Outside, s.outsideEnd()-1, shellWord(g.User))
	}
	return m, nil
}

// without removes from m every id, inside or outside, that n maps.
func (m IDMap) without(n IDMap) IDMap {
	keep := func(m, n IDMap) IDMap { // by inside ids
		rest, _ := m.Inverse().Within(zipSame(m.insides().minus(n.insides())))
		return rest.Inverse()
	}
	m = keep(m, n)
	return keep(m.Inverse(), n.Inverse()).Inverse()
}

// zipSame is the identity over a set of ids.
func zipSame(s spans) IDMap { return zip(s, s) }

// namedMap gives the container the ranges that subuid or subgid grant to a
// name, from 0 on.
func (g Grant) namedMap(k kind, name string) (IDMap, error) {
	text, err := readFile(g.etcPath(k.subFile))
	if err != nil {
		return nil, fmt.Errorf("cannot map %ss of --sub%sname=%s: %w", k.name, k.name, name, err)
	}
	passwd, _ := readFile(g.etcPath("passwd")) // without it the name alone counts
	uid, found := userID(passwd, name)
	if !found {
		uid = maxID // nobody's
	}
	ids := subIDsOf(text, name, uid)
	if len(ids) == 0 {
		return nil, fmt.Errorf("%w: /etc/%s has no range for %q\n  fix: sudo usermod --add-%ss FIRST-LAST %s",
			ErrTooFew, k.subFile, name, k.subFile, shellWord(name))
	}
	hosts := zip(spans{{0, maxID}}, ids)
	m := hosts.Compose(k.of(g).Inverse())
	if m.Size() != hosts.Size() {
		return nil, fmt.Errorf("%w: the range of %q in /etc/%s is not among those of %q (base, host, size): %s\n  fix: use the name %s, or run as %s",
			ErrTooFew, name, k.subFile, g.User, k.of(g), shellWord(g.User), shellWord(name))
	}
	return m, nil
}
