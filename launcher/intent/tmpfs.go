package intent

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// parseTmpfs reads DST[:OPTS] of --tmpfs.
func parseTmpfs(s string) (dst string, opts []string, err error) {
	const flag = "--tmpfs"
	dst, rest, has := strings.Cut(s, ":")
	if dst, err = checkDest(flag, s, dst); err != nil {
		return "", nil, err
	}
	if has {
		opts = strings.Split(rest, ",")
	}
	return dst, opts, nil
}

// tmpfs makes a tmpfs mount with docker's defaults, noexec, nosuid and nodev, each of which a given option
// replaces. It starts empty, as docker's does; podman copies the image's directory into it.
func (b *builder) tmpfs(flag, value, dst string, opts []string) (m specs.Mount, err error) {
	var w words
	var data []string
	hasMode := false
	for _, o := range opts {
		key, v, has := strings.Cut(o, "=")
		if !has {
			if o == "noswap" {
				return m, fail(ErrUnsupported, "%s %s: the kernel allows noswap to real root only, tmpfs(5)", flag, value)
			}
			if err := w.add(flag, value, o); err != nil {
				return m, err
			}
			continue
		}
		o, ok := tmpfsOption(key, v)
		if !ok {
			return m, invalid(flag, value, "the option \""+key+"="+v+"\" is not known or has a bad value")
		}
		hasMode = hasMode || key == "mode"
		if key == "uid" || key == "gid" {
			id, _ := parseID(v)
			if err := b.checkMapped(map[bool]string{false: "user", true: "group"}[key == "gid"], id, key+"=", key == "gid"); err != nil {
				return m, err
			}
		}
		data = append(data, o)
	}
	if err := w.only(flag, value, wAccess, wExec, wSUID, wDev, wCopyUp, wPropagation, wChown, wConsistency); err != nil {
		return m, err
	}
	switch {
	case w[wCopyUp] == "tmpcopyup":
		return m, notYet(flag+" "+value+" (tmpcopyup)", "a volume, or notmpcopyup for an empty directory")
	case w[wDev] == "dev":
		return m, fail(ErrUnsupported, "%s %s: devices on a tmpfs of a user namespace never work", flag, value).fix("--device")
	case w[wChown] != "":
		return m, notYet(flag+" "+value+" (option U)", "uid= and gid=")
	}
	prop := w[wPropagation]
	if prop == "" {
		prop = "rprivate"
	}
	m = specs.Mount{Destination: dst, Type: "tmpfs", Source: "tmpfs", Options: []string{prop, "nodev"}}
	if w[wExec] != "exec" {
		m.Options = append(m.Options, "noexec")
	}
	if w[wSUID] != "suid" {
		m.Options = append(m.Options, "nosuid")
	}
	if w[wAccess] == "ro" {
		m.Options = append(m.Options, "ro")
	}
	if !hasMode {
		data = b.keepMode(data, dst)
	}
	m.Options = append(m.Options, data...)
	return m, nil
}

// tmpfsOption checks an option of tmpfs(5) with a value. Sizes become bytes: the kernel does not know all
// of docker's ways to write them.
func tmpfsOption(key, v string) (string, bool) {
	ok := false
	switch key {
	case "size", "nr_inodes", "nr_blocks":
		if p, percent := strings.CutSuffix(v, "%"); percent && key == "size" {
			n, err := strconv.ParseUint(p, 10, 16)
			ok = err == nil && n > 0
		} else if n, isSize := parseSize(v); isSize {
			v, ok = strconv.FormatInt(n, 10), true
		}
	case "mode":
		n, err := strconv.ParseUint(v, 8, 32)
		ok = err == nil && n <= 0o7777
	case "uid", "gid":
		_, err := parseID(v)
		ok = err == nil
	}
	return key + "=" + v, ok
}

// keepMode gives the tmpfs the permissions of the directory it covers, as runc does: /tmp stays 1777 and
// /run 0755. The kernel's own default is 1777.
func (b *builder) keepMode(data []string, dst string) []string {
	if b.View == nil || b.covered(dst) {
		return data
	}
	_, mode, exists, err := b.View.Resolve(dst[1:])
	if err != nil || !exists || !mode.IsDir() {
		return data
	}
	perm := uint64(mode.Perm())
	for _, bit := range [...]struct {
		flag fs.FileMode
		perm uint64
	}{{fs.ModeSticky, 0o1000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSetuid, 0o4000}} {
		if mode&bit.flag != 0 {
			perm |= bit.perm
		}
	}
	return append(data, "mode="+strconv.FormatUint(perm, 8))
}

// parseSize reads docker's sizes: a number, perhaps with a fraction, and b, k, m, g, t or p, each perhaps
// followed by b or ib; powers of 1024.
func parseSize(s string) (int64, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	num := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz ")
	unit := strings.TrimSpace(s[len(num):])
	shift := 0
	if unit != "" && unit != "b" {
		i := strings.IndexByte("kmgtp", unit[0])
		if i < 0 || unit[1:] != "" && unit[1:] != "b" && unit[1:] != "ib" {
			return 0, false
		}
		shift = 10 * (i + 1)
	}
	if num == "" || strings.Trim(num, "0123456789.") != "" {
		return 0, false
	}
	if n, err := strconv.ParseInt(num, 10, 64); err == nil {
		return n << shift, n<<shift>>shift == n
	}
	f, err := strconv.ParseFloat(num, 64)
	f *= float64(uint64(1) << shift)
	return int64(f), err == nil && f < 1<<62
}
