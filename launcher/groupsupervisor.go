package launcher

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"coracle/launcher/cgroup"
)

// enterGroup takes part in holding the container's cgroup, which the caller made.
// A container that is started again in the same supervisor keeps it.
func (s *supervisor) enterGroup() (err error) {
	if !s.req.Group.Exists() {
		return nil
	}
	if s.group != nil {
		s.group.Clear() // what ran before may have made cgroups below, in which case none can be here
	} else if s.group, err = cgroup.Hold(s.req.Group); err != nil {
		return err
	}
	s.oomBefore = s.group.OOMKills()
	if s.req.GroupOwner {
		uid, okU := rootOf(s.req.Plan.UIDMap)
		gid, okG := rootOf(s.req.Plan.GIDMap)
		if okU && okG {
			return s.group.Delegate(uid, gid)
		}
	}
	return nil
}

// rootOf is the id that a container's root has for this process, whose namespace
// the maps are about. Without a map it is the same.
func rootOf(lines string) (id int, ok bool) {
	for _, e := range sysMap(lines) {
		if e.ContainerID == 0 {
			return e.HostID, true
		}
	}
	return 0, lines == ""
}

// groupV1 moves the first process into hierarchies of version 1, before it does
// anything: it waits for its id maps.
func (s *supervisor) groupV1() error {
	if s.group == nil {
		return nil
	}
	if err := s.group.Add(s.pid); err != nil {
		return fmt.Errorf("cannot move the container into its cgroup: %w", err)
	}
	return nil
}

// firstGroupFD opens the cgroup that the container's first process is in by now; -1
// when it cannot be opened.
func (s *supervisor) firstGroupFD() int {
	g, err := cgroup.Of(s.pid)
	if err != nil || g.Unified == "" {
		return -1
	}
	fd, err := unix.Open(g.Unified, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// groupFD is for CLONE_INTO_CGROUP; 0 says that there is none.
func (s *supervisor) groupFD() int { return max(s.group.FD(), 0) }

// oomKilled says whether the kernel killed a process of the container for want of
// memory since it was started.
func (s *supervisor) oomKilled() bool { return s.group != nil && s.group.OOMKills() > s.oomBefore }

// leaveGroup ends what is left in the cgroup and removes it, and those of other
// containers whose supervisors were killed.
func (s *supervisor) leaveGroup() {
	if s.group == nil {
		return
	}
	s.group.Remove()
	s.group.Sweep()
	s.group = nil
}

func putGroup(b []byte, g cgroup.Group) []byte {
	names := make([]string, 0, len(g.V1))
	for c := range g.V1 {
		names = append(names, c)
	}
	slices.Sort(names)
	b = binary.AppendUvarint(putString(b, g.Unified), uint64(len(names)))
	for _, c := range names {
		b = putString(putString(b, c), g.V1[c])
	}
	return b
}

func (d *reader) group() (g cgroup.Group) {
	g.Unified = d.str()
	for n := d.num(64); n > 0 && !d.bad; n-- {
		if g.V1 == nil {
			g.V1 = make(map[string]string)
		}
		c := d.str()
		g.V1[c] = d.str()
	}
	return g
}
