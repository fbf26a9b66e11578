package plan

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// kinds are the namespaces in the order in which a process may join them: the
// user namespace first, since it gives the power over the others.
var kinds = []struct {
	kind specs.LinuxNamespaceType
	flag uint64
	why  string
}{
	{specs.UserNamespace, unix.CLONE_NEWUSER, "own ids and capabilities"},
	{specs.IPCNamespace, unix.CLONE_NEWIPC, "own System V IPC and message queues"},
	{specs.UTSNamespace, unix.CLONE_NEWUTS, "own host name"},
	{specs.NetworkNamespace, unix.CLONE_NEWNET, "own network interfaces"},
	{specs.PIDNamespace, unix.CLONE_NEWPID, "own process ids"},
	{specs.CgroupNamespace, unix.CLONE_NEWCGROUP, "own view of cgroups"},
	{specs.MountNamespace, unix.CLONE_NEWNS, "own mounts"},
}

// CloneNames are the names that clone(2) gives its flags.
func CloneNames(flags uint64) string {
	var s []string
	for _, k := range kinds {
		if flags&k.flag != 0 {
			s = append(s, "CLONE_NEW"+map[specs.LinuxNamespaceType]string{
				specs.UserNamespace: "USER", specs.IPCNamespace: "IPC", specs.UTSNamespace: "UTS",
				specs.NetworkNamespace: "NET", specs.PIDNamespace: "PID", specs.CgroupNamespace: "CGROUP",
				specs.MountNamespace: "NS",
			}[k.kind])
		}
	}
	return strings.Join(s, "|")
}

func (p *planner) namespaces() error {
	p.isNew = make(map[specs.LinuxNamespaceType]bool)
	p.joined = make(map[specs.LinuxNamespaceType]bool)
	paths := make(map[specs.LinuxNamespaceType]string)
	for _, ns := range p.spec.Linux.Namespaces {
		if p.isNew[ns.Type] || p.joined[ns.Type] {
			return fmt.Errorf("the specification names the %s namespace twice", ns.Type)
		}
		p.isNew[ns.Type] = ns.Path == ""
		p.joined[ns.Type] = ns.Path != ""
		paths[ns.Type] = ns.Path
	}
	if !p.isNew[specs.MountNamespace] {
		return fmt.Errorf("a container needs a mount namespace of its own")
	}
	for _, k := range kinds {
		switch {
		case p.isNew[k.kind]:
			p.plan.CloneFlags |= k.flag
		case p.joined[k.kind]:
			p.plan.Joins = append(p.plan.Joins, Join{k.kind, paths[k.kind]})
		}
	}
	if p.ownCgroup() {
		p.plan.CloneFlags &^= unix.CLONE_NEWCGROUP
	}
	p.plan.ShareMemory = len(p.plan.Joins) == 0
	if p.isNew[specs.UserNamespace] {
		p.plan.UIDMap = mapLines(p.spec.Linux.UIDMappings)
		p.plan.GIDMap = mapLines(p.spec.Linux.GIDMappings)
		if p.plan.UIDMap == "" || p.plan.GIDMap == "" {
			return fmt.Errorf("a new user namespace needs id maps")
		}
	}
	return nil
}

// ownCgroup says that the cgroup namespace is made once the first process is in
// its cgroup.
func (p *planner) ownCgroup() bool { return p.Cgroup && p.isNew[specs.CgroupNamespace] }

// mapLines writes maps as user_namespaces(7) wants them.
func mapLines(m []specs.LinuxIDMapping) string {
	var b strings.Builder
	for _, e := range m {
		b.WriteString(strconv.FormatUint(uint64(e.ContainerID), 10) + " " +
			strconv.FormatUint(uint64(e.HostID), 10) + " " + strconv.FormatUint(uint64(e.Size), 10) + "\n")
	}
	return b.String()
}

// toBase translates a container's id into the base namespace's.
func toBase(m []specs.LinuxIDMapping, id uint32) (uint32, bool) {
	for _, e := range m {
		if id >= e.ContainerID && id-e.ContainerID < e.Size {
			return e.HostID + id - e.ContainerID, true
		}
	}
	return 0, false
}

// begin is what the first process does before it touches anything: it waits
// for its id maps, joins what it is to share, and makes itself root.
func (p *planner) begin() error {
	c := p.child
	c.do("keep no write end, so that the supervisor's death ends the wait below", tape.Close, tape.From(SyncWrite))
	c.do("die with the supervisor", tape.Prctl, pdeathsig, sigkill)
	c.do("wait until the id maps are written", tape.Read, tape.From(SyncRead), tape.Bytes(make([]byte, 8), "&byte"), tape.Int(1))
	c.positive()
	if !p.plan.ShareMemory {
		// Until it executes the command it has the supervisor's descriptors, memory
		// and root, and those it is about to join could trace it (CVE-2016-9962).
		c.do("nobody in the namespaces joined looks into it before the exec", tape.Prctl,
			tape.Flags(unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"), tape.Int(0))
	}
	p.join()
	if _, ok := toBase(p.spec.Linux.UIDMappings, 0); ok || !p.isNew[specs.UserNamespace] {
		c.do("be root of the container's user namespace", tape.Setresgid, tape.Int(0), tape.Int(0), tape.Int(0))
		c.do("", tape.Setresuid, tape.Int(0), tape.Int(0), tape.Int(0))
	}
	if p.plan.ShareMemory {
		c.do("changing ids hid the memory shared with the supervisor from itself: show it again", tape.Prctl,
			tape.Flags(unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"), tape.Int(1))
	}
	if p.ownCgroup() {
		// One made by clone(2) has the parent's cgroup as its root, CLONE_INTO_CGROUP or not.
		c.do("own view of cgroups, from its own one down", tape.Unshare, tape.Flags(unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"))
	}
	c.do("own session: no signal from the caller's terminal", tape.Setsid)
	c.do("no keys of the caller's session", tape.Keyctl, tape.Flags(unix.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"), tape.Int(0))
	c.allow(unix.ENOSYS, unix.EPERM, unix.EDQUOT)
	return nil
}

// join enters namespaces of other containers. A process that joins a user
// namespace makes the rest of its namespaces there, so that they are owned by
// it; a pid namespace is for children only, hence the second clone.
func (p *planner) join() {
	c := p.child
	for i, j := range p.plan.Joins {
		for _, k := range kinds {
			if k.kind == j.Type && k.kind != specs.MountNamespace {
				c.do("share it with the other container", tape.Setns, tape.From(JoinFirst+tape.Slot(i)), tape.Flags(k.flag, CloneNames(k.flag)))
			}
		}
	}
	if !p.joined[specs.UserNamespace] && !p.joined[specs.PIDNamespace] {
		return
	}
	flags := uint64(0)
	if p.joined[specs.UserNamespace] {
		flags, p.plan.CloneFlags = p.plan.CloneFlags, 0
	}
	n := c.get("a child in the namespaces joined, and new ones owned by them; the supervisor's child too", tape.Fork,
		tape.Flags(flags|unix.CLONE_PARENT|uint64(unix.SIGCHLD), CloneNames(flags)+"|CLONE_PARENT"), tape.Int(0), tape.Int(0), tape.Int(0), tape.Int(0))
	c.ops[len(c.ops)-1].ZeroSkip = 2
	c.do("tell the supervisor its pid", tape.Write, tape.From(Pid), tape.Mem(&tape.Blob{Data: make([]byte, 8), Refs: []tape.Ref{{Slot: n}}}, "&pid"), tape.Int(8))
	c.do("and leave the rest to it", tape.Exit, tape.Int(0))
	c.do("die with the supervisor", tape.Prctl, pdeathsig, sigkill)
}

// borrow fetches /dev/shm of the container whose ipc namespace is shared: POSIX
// shared memory lives there. It is looked up in that container's own mounts,
// where a link is somebody's trick.
func (p *planner) borrow(source string) tape.Slot {
	slot := JoinFirst + tape.Slot(len(p.plan.Joins))
	p.plan.Joins = append(p.plan.Joins, Join{specs.MountNamespace, source})
	l := &list{p: p}
	l.do("the mounts of the container whose shared memory is shared", tape.Setns, tape.From(slot), tape.Flags(unix.CLONE_NEWNS, "CLONE_NEWNS"))
	how := tape.Words(unix.O_PATH|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_SYMLINKS)
	place := l.get("its shared memory, not some link", tape.Openat2, cwd, tape.Str("/dev/shm"), tape.Bytes(how, "{O_PATH|O_CLOEXEC, RESOLVE_NO_SYMLINKS}"), tape.Int(len(how)))
	tree := l.get("as a mount to hand on", tape.OpenTree, tape.From(place), empty, cloneHere)
	l.do("", tape.Sendmsg, tape.From(Console), sendFD(tree), tape.Int(0))
	p.plan.Borrow = l.ops
	return Borrowed
}

var (
	pdeathsig = tape.Flags(unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG")
	sigkill   = tape.Flags(uint64(unix.SIGKILL), "SIGKILL")
)
