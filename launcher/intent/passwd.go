package intent

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
)

// account is the part of a line of passwd(5) that matters here, group of group(5).
type account struct {
	name, home string
	uid, gid   uint32
}

type group struct {
	name    string
	gid     uint32
	members string // separated by commas
}

// parseID reads a decimal id, digits only: "+1", "-1" and "0x1" are not ids (CVE-2026-30892). The highest,
// 2^32-1, means "no change" to setuid(2) and is refused.
func parseID(s string) (uint32, error) {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	return uint32(n), err
}

// fields yields the colon-separated fields of each line that has at least n of them. Comments, blank lines
// and the +name lines of NIS (nsswitch.conf(5), compat) are left out.
func fields(data []byte, n int) iter.Seq[[][]byte] {
	return func(yield func([][]byte) bool) {
		var f [7][]byte
		for line := range bytes.Lines(data) {
			line = bytes.TrimSpace(line)
			if len(line) == 0 || line[0] == '#' || line[0] == '+' || line[0] == '-' {
				continue
			}
			k := 0
			for k < len(f)-1 {
				i := bytes.IndexByte(line, ':')
				if i < 0 {
					break
				}
				f[k], line = line[:i], line[i+1:]
				k++
			}
			f[k] = line
			if k+1 >= n && !yield(f[:k+1]) {
				return
			}
		}
	}
}

// accounts yields the entries of a passwd file. A line whose ids do not parse is not an account: reading
// them as 0, as some readers do, would make it root.
func accounts(data []byte) iter.Seq[account] {
	return func(yield func(account) bool) {
		for f := range fields(data, 4) {
			uid, err1 := parseID(string(f[2]))
			gid, err2 := parseID(string(f[3]))
			if err1 != nil || err2 != nil {
				continue
			}
			a := account{name: string(f[0]), uid: uid, gid: gid}
			if len(f) > 5 {
				a.home = string(f[5])
			}
			if !yield(a) {
				return
			}
		}
	}
}

// groups yields the entries of a group file.
func groups(data []byte) iter.Seq[group] {
	return func(yield func(group) bool) {
		for f := range fields(data, 3) {
			gid, err := parseID(string(f[2]))
			if err != nil {
				continue
			}
			g := group{name: string(f[0]), gid: gid}
			if len(f) > 3 {
				g.members = string(f[3])
			}
			if !yield(g) {
				return
			}
		}
	}
}

func (g group) has(name string) bool {
	for m := range strings.SplitSeq(g.members, ",") {
		if m == name {
			return true
		}
	}
	return false
}
