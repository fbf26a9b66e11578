package pause

import (
	"coracle/launcher/containers"
	"coracle/launcher/processes"
)

// member is a process of a container.
type member struct {
	pid, parent int
	start       string // containers.StartTime
	state       string
}

// familyOf lists the processes of a pid namespace and of those below it, parents
// before their children.
func familyOf(ns uint64) ([]member, error) {
	found, err := processes.Members(ns)
	if err != nil {
		return nil, err
	}
	var all []member
	for _, pid := range found[ns] {
		start, stat := containers.StartTime(pid), processes.StatOf(pid)
		if start != "" && stat.State != "" {
			all = append(all, member{pid, stat.HostPPID, start, stat.State})
		}
	}
	return descending(all), nil
}

// descending orders processes so that none comes before its parent. A pid says
// nothing of that: they are used again.
func descending(all []member) []member {
	children := make(map[int][]member)
	known := make(map[int]bool, len(all))
	for _, m := range all {
		known[m.pid] = true
	}
	var order []member
	for _, m := range all {
		if known[m.parent] && m.parent != m.pid {
			children[m.parent] = append(children[m.parent], m)
		} else {
			order = append(order, m) // its parent is outside, or has just ended
		}
	}
	for i := 0; i < len(order); i++ {
		order = append(order, children[order[i].pid]...)
		delete(children, order[i].pid)
	}
	for _, left := range children { // read while pids were used again: a ring
		order = append(order, left...)
	}
	return order
}
