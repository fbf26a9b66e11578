package intent

import (
	"encoding/csv"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// mountFlag is a parsed --mount value.
type mountFlag struct {
	typ, src, dst string
	words         words
	data          []string // options with a value, as the file system takes them

	subpath         string
	noCreate        bool
	labels, options map[string]string // of a volume that is made now
}

// parseMount reads --mount: fields separated by commas in CSV quoting, keys of docker and of podman.
// Without a type docker's default counts, volume.
func parseMount(s string) (m mountFlag, err error) {
	const flag = "--mount"
	r := csv.NewReader(strings.NewReader(s))
	list, err := r.Read()
	if err != nil || strings.ContainsAny(s, "\x00\n") {
		return m, invalid(flag, s, "fields KEY=VALUE separated by commas are wanted")
	}
	m.typ = "volume"
	for _, f := range list {
		if t, ok := strings.CutPrefix(f, "type="); ok {
			m.typ = t
		}
	}
	seen := map[string]bool{}
	for _, f := range list {
		key, val, has := strings.Cut(f, "=")
		if canon := canonKey(key); canon != "" {
			if seen[canon] {
				return m, fail(ErrConflict, "--mount %s: %s is given twice", s, canon)
			}
			seen[canon] = true
			if !has || val == "" {
				return m, invalid(flag, s, key+" has no value")
			}
		}
		if err := m.field(s, key, val, has); err != nil {
			return m, err
		}
	}
	if m.dst == "" {
		return m, invalid(flag, s, "it has no destination")
	}
	m.dst, err = checkDest(flag, s, m.dst)
	return m, err
}

// canonKey gives one name to the spellings of the keys that may come once and need a value.
func canonKey(key string) string {
	switch key {
	case "type", "source", "destination", "bind-propagation", "bind-recursive", "tmpfs-size", "tmpfs-mode":
		return key
	case "src":
		return "source"
	case "target", "dst", "dest":
		return "destination"
	case "subpath", "volume-subpath", "image-subpath":
		return "subpath"
	}
	return ""
}

// field takes one KEY[=VALUE].
func (m *mountFlag) field(s, key, val string, has bool) error {
	const flag = "--mount"
	word := func(w string) error { return m.words.add(flag, s, w) }
	// boolean reads KEY, KEY=true and KEY=false as docker and podman do.
	boolean := func(yes, no string) error {
		on := true
		if has {
			var err error
			if on, err = strconv.ParseBool(val); err != nil {
				return invalid(flag, s, key+" wants true or false")
			}
		}
		switch {
		case on:
			return word(yes)
		case no != "":
			return word(no)
		}
		return nil
	}
	switch canonKey(key) {
	case "type":
		return nil
	case "source":
		m.src = val
		return nil
	case "destination":
		m.dst = val
		return nil
	case "subpath":
		return m.setSubpath(s, val)
	case "tmpfs-size":
		n, ok := parseSize(val)
		if !ok {
			return invalid(flag, s, "tmpfs-size wants a size such as 64m")
		}
		m.data = append(m.data, "size="+strconv.FormatInt(n, 10))
		return nil
	case "tmpfs-mode":
		m.data = append(m.data, "mode="+val)
		return nil
	case "bind-propagation":
		var w words
		if w.add(flag, s, val) != nil || w[wPropagation] == "" {
			return invalid(flag, s, "bind-propagation is one of [r]private, [r]shared, [r]slave, [r]unbindable")
		}
		return word(val)
	case "bind-recursive":
		switch val {
		case "enabled":
			return nil
		case "disabled":
			return word("bind")
		case "writable":
			return word("=wro")
		case "readonly":
			return word("=rro")
		}
		return invalid(flag, s, "bind-recursive is one of enabled, disabled, writable, readonly")
	}
	switch key {
	case "readonly", "ro":
		return boolean("ro", "")
	case "rw":
		return boolean("rw", "ro")
	case "bind-nonrecursive":
		return boolean("bind", "")
	case "relabel":
		switch val {
		case "private":
			return word("Z")
		case "shared":
			return word("z")
		}
		return invalid(flag, s, "relabel is private or shared")
	case "U", "chown":
		return boolean("U", "")
	case "consistency": // macOS
		return word("consistent")
	case "volume-nocopy":
		return boolean("nocopy", "copy")
	case "readwrite":
		return boolean("rw", "ro")
	case "volume-label", "volume-driver", "volume-opt", "nocreate", "volume-nocreate":
		return m.volumeKey(s, key, val, has)
	case "idmap":
		if val == "false" {
			return nil
		}
		return noIDMap(flag + " " + s)
	case "bind-create-src":
		return notYet(flag+" "+s+" (key bind-create-src)", "make the directory first")
	case "uid", "gid", "mode", "ptmxmode", "max", "size":
		if !has {
			return invalid(flag, s, key+" has no value")
		}
		m.data = append(m.data, key+"="+val)
		return nil
	case "newinstance": // always the case since 4.7
		return nil
	}
	if has {
		return invalid(flag, s, "the key \""+key+"\" is not known")
	}
	return word(key)
}

// mountOf makes the spec mount of a --mount value.
func (b *builder) mountOf(s string, m *mountFlag) (specs.Mount, error) {
	const flag = "--mount"
	var none specs.Mount
	if (m.typ == "tmpfs" || m.typ == "devpts") && m.src != "" && m.src != m.typ {
		return none, invalid(flag, s, "a mount of type "+m.typ+" has no source")
	}
	if m.typ != "volume" && m.typ != "image" {
		if m.subpath != "" {
			return none, invalid(flag, s, "a subpath is for volumes and images")
		}
		if err := m.noVolumeKeys(s); err != nil {
			return none, err
		}
	}
	switch m.typ {
	case "bind":
		if m.src == "" {
			return none, invalid(flag, s, "it has no source")
		}
		if len(m.data) > 0 {
			return none, invalid(flag, s, m.data[0]+" has no meaning for a bind")
		}
		if err := m.words.only(flag, s, wAccess, wExec, wSUID, wDev, wPropagation, wRecursion, wRecursiveRO, wLabel,
			wChown, wConsistency); err != nil {
			return none, err
		}
		b.layer = OverlayDirs{}
		return b.bind(flag, s, m.src, m.dst, &m.words)
	case "tmpfs":
		opts := m.data
		for _, w := range m.words {
			if w != "" {
				opts = append(opts, w)
			}
		}
		return b.tmpfs(flag, s, m.dst, opts)
	case "devpts":
		return b.devptsMount(s, m)
	case "volume":
		return b.volumeMount(s, m)
	case "image":
		return b.imageMount(s, m)
	case "glob", "artifact":
		return none, notYet(flag+" type="+m.typ, "type=bind")
	case "ramfs":
		return none, fail(ErrUnsupported, "--mount %s: the kernel does not let a user namespace mount ramfs", s).fix("type=tmpfs")
	}
	return none, invalid(flag, s, "known types are bind, volume, tmpfs, image and devpts")
}

// devptsMount is a further /dev/pts of the container's own, as toolbox asks for after binding /dev.
func (b *builder) devptsMount(s string, m *mountFlag) (specs.Mount, error) {
	const flag = "--mount"
	out := specs.Mount{Destination: m.dst, Type: "devpts", Source: "devpts",
		Options: []string{"rprivate", "nosuid", "noexec", "newinstance"}}
	if err := m.words.only(flag, s, wConsistency); err != nil {
		return out, err
	}
	for _, d := range m.data {
		key, v, _ := strings.Cut(d, "=")
		switch key {
		case "uid", "gid":
			id, err := parseID(v)
			if err != nil {
				return out, invalid(flag, s, key+" wants a number")
			}
			what := "user"
			if key == "gid" {
				what = "group"
			}
			if err := b.checkMapped(what, id, key+"=", key == "gid"); err != nil {
				return out, err
			}
		case "mode", "ptmxmode":
			if n, err := strconv.ParseUint(v, 8, 32); err != nil || n > 0o777 {
				return out, invalid(flag, s, key+" wants octal up to 0777")
			}
		case "max":
			if _, err := strconv.ParseUint(v, 10, 20); err != nil {
				return out, invalid(flag, s, "max wants a number up to 1048575")
			}
		default:
			return out, invalid(flag, s, key+" has no meaning for devpts")
		}
		out.Options = append(out.Options, d)
	}
	return out, nil
}
