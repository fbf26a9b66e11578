package plan

import (
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// nodes are the devices that the OCI runtime specification requires. A user
// namespace may not make device nodes, so the host's are bound.
var nodes = []string{"null", "zero", "full", "random", "urandom", "tty"}

// links are the symbolic links that it requires.
var links = [][2]string{
	{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},
}

// devices fills the new /dev.
func (p *planner) devices() {
	for _, n := range nodes {
		p.device("/dev/"+n, n)
	}
	// On most hosts /dev is shared, and its nodes come as slaves of it.
	p.child.do("what the host mounts over its nodes does not appear here", tape.MountSetattr, tape.From(p.devfd), empty, recursiveEmpty, mountAttr(0, 0, unix.MS_PRIVATE), attrSize)
	for _, l := range links {
		p.child.do("as programs expect", tape.Symlinkat, tape.Str(l[0]), tape.From(p.devfd), tape.Str(l[1]))
	}
}

// device binds a node of the host's /dev onto a name in the container's.
func (p *planner) device(source, name string) {
	tree := p.host.get("device "+name, tape.OpenTree, cwd, tape.Str(source), clone)
	p.nodeFor(name, tree)
}

func (p *planner) nodeFor(name string, tree tape.Slot) {
	p.child.do("a place for /dev/"+name, tape.Mknodat, tape.From(p.devfd), tape.Str(name), tape.Flags(unix.S_IFREG|0o666, "S_IFREG|0666"), tape.Int(0))
	p.child.do("", tape.MoveMount, tape.From(tree), empty, tape.From(p.devfd), tape.Str(name), fromHere)
}

// terminal opens a pseudo-terminal in the container's own devpts, by
// descriptors only: no name below /dev is followed (CVE-2025-52565). The master
// goes to the supervisor.
func (p *planner) terminal() {
	if !p.spec.Process.Terminal {
		return
	}
	c := p.child
	flags := tape.Flags(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, "O_RDWR|O_NOCTTY|O_CLOEXEC")
	master := c.get("the container's terminal", tape.Openat, tape.From(p.ptsfd), tape.Str("ptmx"), flags, tape.Int(0))
	c.do("", tape.Ioctl, tape.From(master), tape.Flags(unix.TIOCSPTLCK, "TIOCSPTLCK"), tape.Bytes(make([]byte, 8), "&0"))
	p.tty = c.get("its other end, which no path can redirect", tape.Ioctl, tape.From(master), tape.Flags(unix.TIOCGPTPEER, "TIOCGPTPEER"), flags)
	if s := p.spec.Process.ConsoleSize; s != nil {
		size := uint64(uint16(s.Height)) | uint64(uint16(s.Width))<<16
		c.do("as large as the caller's", tape.Ioctl, tape.From(master), tape.Flags(unix.TIOCSWINSZ, "TIOCSWINSZ"), tape.Bytes(tape.Words(size), "&size"))
	}
	c.do("the container's user owns it", tape.Fchown, tape.From(p.tty), tape.Int(p.spec.Process.User.UID), tape.Flags(0xffffffff, "-1"))
	c.do("the supervisor relays it", tape.Sendmsg, tape.From(Console), sendFD(master), tape.Int(0))
	if p.devfd == 0 {
		return // a /dev of the host's keeps the host's console
	}
	p.nodeFor("console", c.get("the same terminal as /dev/console", tape.OpenTree, tape.From(p.tty), empty,
		tape.Flags(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH")))
}

// sendFD is a struct msghdr that carries one byte and the descriptor in s
// (unix(7), SCM_RIGHTS).
func sendFD(s tape.Slot) tape.Arg {
	byteOut := &tape.Blob{Data: []byte{'M'}}
	iov := &tape.Blob{Data: tape.Words(0, 1), Refs: []tape.Ref{{Off: 0, Blob: byteOut}}}
	// cmsg_len counts the header and four bytes; the space for them is eight.
	control := &tape.Blob{
		Data: append(append(tape.Words(uint64(unix.SizeofCmsghdr)+4), tape.Words32(unix.SOL_SOCKET, unix.SCM_RIGHTS)...), make([]byte, 8)...),
		Refs: []tape.Ref{{Off: 16, Slot: s}},
	}
	msg := &tape.Blob{Data: tape.Words(0, 0, 0, 1, 0, uint64(len(control.Data)), 0), Refs: []tape.Ref{{Off: 16, Blob: iov}, {Off: 32, Blob: control}}}
	return tape.Mem(msg, "SCM_RIGHTS "+tape.From(s).String())
}
