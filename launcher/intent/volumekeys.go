package intent

import (
	"path"
	"strconv"
	"strings"

	"coracle/storage/volume"
)

// setSubpath takes a path inside a volume or an image. The kernel resolves it beneath; here only what could
// never be meant is refused.
func (m *mountFlag) setSubpath(s, val string) error {
	for part := range strings.SplitSeq(val, "/") {
		if part == ".." {
			return invalid("--mount", s, "the subpath holds \"..\"")
		}
	}
	if path.IsAbs(val) && strings.Trim(val, "/") == "" {
		return invalid("--mount", s, "the subpath is the whole")
	}
	m.subpath = strings.TrimPrefix(path.Clean("/"+val), "/")
	if m.subpath == "" {
		return invalid("--mount", s, "the subpath is the whole")
	}
	return nil
}

// volumeKey takes the keys that say how a missing volume is made.
func (m *mountFlag) volumeKey(s, key, val string, has bool) error {
	const flag = "--mount"
	switch key {
	case "nocreate", "volume-nocreate":
		on, err := strconv.ParseBool(val)
		if has && err != nil {
			return invalid(flag, s, key+" wants true or false")
		}
		m.noCreate = on || !has
		return nil
	case "volume-driver":
		if err := volume.CheckDriver(val); err != nil {
			return fail(ErrUnsupported, "%s %s: %v", flag, s, err)
		}
		return nil
	}
	name, value, _ := strings.Cut(val, "=")
	if name == "" {
		return invalid(flag, s, key+" wants KEY=VALUE")
	}
	to := &m.labels
	if key == "volume-opt" {
		to = &m.options
	}
	if *to == nil {
		*to = map[string]string{}
	}
	if _, twice := (*to)[name]; twice {
		return fail(ErrConflict, "%s %s: %s %s is given twice", flag, s, key, name)
	}
	(*to)[name] = value
	return nil
}

// noVolumeKeys refuses them for other kinds of mounts.
func (m *mountFlag) noVolumeKeys(s string) error {
	if len(m.labels)+len(m.options) > 0 || m.noCreate {
		return invalid("--mount", s, "volume-label, volume-opt and nocreate are for type=volume")
	}
	return nil
}
