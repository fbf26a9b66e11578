package cgroup

import (
	"slices"
	"strings"
)

// mount is one mount of a cgroup file system.
type mount struct {
	at, root string
	// v2 says that it is the unified hierarchy; else options has its controllers.
	v2      bool
	options []string
}

// has says whether it is the hierarchy of a controller; "" is version 2.
func (m *mount) has(controller string) bool {
	if controller == "" || m.v2 {
		return controller == "" && m.v2
	}
	return slices.Contains(m.options, controller)
}

// place is where any mount is: its id, its parent's, and its directory.
type place struct{ id, parent, at string }

// parseMounts reads proc_pid_mountinfo(5) and keeps cgroup file systems, without
// those that another mount covers.
func parseMounts(info string) (all []mount) {
	var places []place
	var of []int // the place of each of all
	for line := range strings.Lines(info) {
		left, right, ok := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 6 || len(r) < 1 {
			continue
		}
		places = append(places, place{l[0], l[1], unescape(l[4])})
		if r[0] != "cgroup" && r[0] != "cgroup2" {
			continue
		}
		m := mount{at: unescape(l[4]), root: unescape(l[3]), v2: r[0] == "cgroup2"}
		if len(r) > 2 {
			m.options = strings.Split(r[2], ",")
		}
		all, of = append(all, m), append(of, len(places)-1)
	}
	seen := all[:0]
	for i, m := range all {
		if !covered(places, places[of[i]]) {
			seen = append(seen, m)
		}
	}
	return seen
}

// covered tells a mount whose directory leads to another mount: one on the way
// there, or on top of it, that it is not mounted in.
func covered(places []place, m place) bool {
	above := map[string]bool{m.id: true}
	for parent, found := m.parent, true; found && !above[parent]; {
		above[parent], found = true, false
		for _, p := range places {
			if p.id == parent {
				parent, found = p.parent, true
				break
			}
		}
	}
	for _, p := range places {
		if !above[p.id] && strings.HasPrefix(m.at+"/", strings.TrimSuffix(p.at, "/")+"/") {
			return true
		}
	}
	return false
}

// unescape undoes the kernel's octal escapes of space, tab, newline and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1]) && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(c byte) bool { return c >= '0' && c <= '7' }
