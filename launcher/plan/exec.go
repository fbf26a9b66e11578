package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// Slots that the supervisor fills before it executes a plan of [NewExec],
// besides SyncRead, SyncWrite, Console and Pid. No namespace is joined one by
// one there, so these take the places of [JoinFirst] and the next.
const (
	// Container is a pidfd of the container's first process.
	Container = JoinFirst
	// Namespaces are the CLONE_NEW* flags of those of its namespaces that the
	// supervisor is not in.
	Namespaces = JoinFirst + 1
	// Stdin and the next two are the command's standard descriptors.
	Stdin = JoinFirst + 2
)

// ExecInput is what a plan for one more process of a running container is made
// from.
type ExecInput struct {
	Process *specs.Process
	// Filter is nil for none.
	Filter *Filter
	// MappedRoot tells that id 0 is mapped in the container, or that it has no
	// user namespace of its own.
	MappedRoot bool
	// DenySetgroups as in [Plan].
	DenySetgroups bool
	// Keep is how many descriptors the command gets from 3 on, in [KeepFirst].
	Keep int
	// Session says that [Stdin] is a terminal, the command's own.
	Session bool
	// Stay says that no namespace is entered.
	Stay bool
}

// NewExec computes the operations of a process that joins a running container
// and executes a command there. The supervisor clones it, without sharing
// memory: it will be inside, where others may trace it.
func NewExec(in ExecInput) ([]tape.Op, error) {
	p := &planner{
		Input: Input{Filter: in.Filter, DenySetgroups: in.DenySetgroups, Keep: in.Keep},
		spec:  &specs.Spec{Process: in.Process, Linux: &specs.Linux{}},
		plan:  &Plan{DenySetgroups: in.DenySetgroups}, next: firstFree,
	}
	p.child = &list{p: p}
	c := p.child
	c.do("keep no write end, so that the supervisor's death is noticed", tape.Close, tape.From(SyncWrite))
	c.do("die with the supervisor", tape.Prctl, pdeathsig, sigkill)
	c.do("nobody in the container looks into it before the exec (CVE-2016-9962)", tape.Prctl,
		tape.Flags(unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"), tape.Int(0))
	if !in.Stay {
		c.do("all namespaces of the container at once", tape.Setns, tape.From(Container), tape.From(Namespaces))
	}
	c.do("a child in its pid namespace; the supervisor's child too", tape.Fork,
		tape.Flags(unix.CLONE_PARENT|uint64(unix.SIGCHLD), "CLONE_PARENT|SIGCHLD"), tape.Int(0), tape.Int(0), tape.Int(0), tape.Int(0))
	n := p.next
	p.next++
	c.ops[len(c.ops)-1].Into = n
	c.ops[len(c.ops)-1].ZeroSkip = 2
	c.do("tell the supervisor its pid", tape.Write, tape.From(Pid), tape.Mem(&tape.Blob{Data: make([]byte, 8), Refs: []tape.Ref{{Slot: n}}}, "&pid"), tape.Int(8))
	c.do("and leave the rest to it", tape.Exit, tape.Int(0))
	c.do("die with the supervisor", tape.Prctl, pdeathsig, sigkill)
	if in.MappedRoot {
		c.do("be root of the container's user namespace", tape.Setresgid, tape.Int(0), tape.Int(0), tape.Int(0))
		c.do("", tape.Setresuid, tape.Int(0), tape.Int(0), tape.Int(0))
	}
	c.do("own session", tape.Setsid)
	c.do("no keys of another session", tape.Keyctl, tape.Flags(unix.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"), tape.Int(0))
	c.allow(unix.ENOSYS, unix.EPERM, unix.EDQUOT)
	if !in.Process.Terminal {
		for fd := range 3 {
			c.do("its standard descriptors", tape.Dup3, tape.From(Stdin+tape.Slot(fd)), tape.Int(fd), tape.Int(0))
		}
	}
	p.rootfd = c.get("the container's root", tape.Openat, cwd, tape.Str("/"), tape.Flags(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, "O_PATH|O_DIRECTORY|O_CLOEXEC"), tape.Int(0))
	if in.Process.Terminal {
		how := tape.Words(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
		p.ptsfd = c.get("its terminals, not a link to others", tape.Openat2, tape.From(p.rootfd), tape.Str("dev/pts"),
			tape.Bytes(how, "{O_PATH|O_DIRECTORY|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS}"), tape.Int(len(how)))
		p.terminal()
	}
	if in.Session {
		p.tty = Stdin
	}
	if err := p.process(); err != nil {
		return nil, err
	}
	return c.ops, nil
}
