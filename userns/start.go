package userns

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// Program is a program to be run as mapped root of the base user namespace, in
// a mount namespace of its own.
type Program struct {
	// Path is the program's file. It is executed from a read-only mount of its
	// own that nobody can make writable again, so that whoever gets hold of
	// /proc/PID/exe cannot overwrite it (CVE-2019-5736).
	Path string
	// File, when not nil, is the program instead of Path: a sealed memfd.
	File *os.File
	Argv []string
	Env  []string
	// Stdio are standard input, output and error; nil keeps this process's.
	Stdio [3]*os.File
	// Extra, when not nil, is the program's descriptor 3.
	Extra *os.File
	// Early executes the program before its ids are mapped, so that it starts while
	// newuidmap runs. It must not act before it is told that [Process.Map] has
	// succeeded, and call [DropInheritable] first of all.
	Early bool
	// Tied sends the program SIGTERM when the thread that started it ends, and so
	// when this process does: lock the goroutine to it until [Process.Wait].
	Tied bool
	// KeepSession leaves the program in this session and process group: the
	// terminal is its to read, and the keys that send signals reach it as well.
	KeepSession bool
}

// Slots of the program that enters the base namespace.
const (
	slotSync tape.Slot = 1 + iota
	slotSyncWrite
	slotJoin
	slotExe
)

// Ops is what the child does to become the program. joining says that it enters
// a base namespace that is alive instead of a new one.
func (g Grant) Ops(p Program, joining bool) []tape.Op {
	var ops []tape.Op
	do := func(why string, c tape.Call, args ...tape.Arg) {
		ops = append(ops, tape.Op{Call: c, Args: args, Why: why})
	}
	if joining {
		do("the base user namespace of a live supervisor", tape.Setns, tape.From(slotJoin), tape.Flags(unix.CLONE_NEWUSER, "CLONE_NEWUSER"))
		do("mounts of its own", tape.Unshare, tape.Flags(unix.CLONE_NEWNS, "CLONE_NEWNS"))
	} else if p.Early {
		// A process whose id is not mapped loses its capabilities in an exec, but
		// for the ambient ones (capabilities(7)).
		do("capabilities that pass the exec although no id is mapped yet", tape.Capset, tape.Bytes(tape.Words32(unix.LINUX_CAPABILITY_VERSION_3, 0), "&header"),
			tape.Bytes(tape.Words32(^uint32(0), ^uint32(0), ^uint32(0), allHigh, allHigh, allHigh), "{all, all, all}"))
		for c := range unix.CAP_LAST_CAP + 1 {
			do("", tape.Prctl, tape.Flags(unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"), tape.Flags(unix.PR_CAP_AMBIENT_RAISE, "PR_CAP_AMBIENT_RAISE"), tape.Int(c), tape.Int(0), tape.Int(0))
			ops[len(ops)-1].Allow = []unix.Errno{unix.EINVAL, unix.EPERM} // a kernel that has fewer
		}
	} else {
		do("keep no write end, so that the caller's death ends the wait below", tape.Close, tape.From(slotSyncWrite))
		do("wait until the id maps are written", tape.Read, tape.From(slotSync), tape.Bytes(make([]byte, 8), "&byte"), tape.Int(1))
		ops[len(ops)-1].Positive = true
	}
	if joining || !p.Early {
		// The user is 0 there; this says so to saved ids as well.
		do("be root of the base user namespace", tape.Setresgid, tape.Int(0), tape.Int(0), tape.Int(0))
		do("", tape.Setresuid, tape.Int(0), tape.Int(0), tape.Int(0))
	}
	if !p.KeepSession {
		do("own session: the terminal's signals are the caller's to pass on", tape.Setsid)
	}
	if p.Tied {
		do("end with the caller", tape.Prctl, tape.Flags(unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"), tape.Flags(uint64(unix.SIGTERM), "SIGTERM"))
	}
	do("mounts made here stay here; those of the host still arrive", tape.Mount, tape.Str(""), tape.Str("/"), tape.Str(""), tape.Flags(unix.MS_REC|unix.MS_SLAVE, "MS_REC|MS_SLAVE"), tape.Int(0))
	exe := slotExe
	if p.File == nil {
		ops = append(ops, tape.Op{
			Call: tape.OpenTree, Into: slotExe, Why: "the program, on a mount of its own",
			Args: []tape.Arg{tape.Flags(0xffffffffffffff9c, "AT_FDCWD"), tape.Str(p.Path), tape.Flags(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC")},
		})
		do("which nobody can write to (CVE-2019-5736)", tape.MountSetattr, tape.From(slotExe), tape.Str(""), tape.Flags(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"),
			tape.Bytes(tape.Words(unix.MOUNT_ATTR_RDONLY, 0, 0, 0), "{+ro}"), tape.Int(unix.MOUNT_ATTR_SIZE_VER0))
	}
	do("hand on no other descriptor", tape.CloseRange, tape.Int(3), tape.Flags(0xffffffff, "UINT_MAX"), tape.Flags(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	for i, f := range []*os.File{p.Stdio[0], p.Stdio[1], p.Stdio[2], p.Extra} {
		if f != nil {
			do("", tape.Dup3, tape.Int(f.Fd()), tape.Int(i), tape.Int(0))
		}
	}
	do("no signal blocked", tape.RtSigprocmask, tape.Flags(2, "SIG_SETMASK"), tape.Bytes(make([]byte, 8), "&{}"), tape.Int(0), tape.Int(8))
	do("become "+p.Argv[0], tape.Execveat, tape.From(exe), tape.Str(""), tape.Vec(p.Argv), tape.Vec(p.Env), tape.Flags(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"))
	return ops
}

// allHigh are the capabilities above 31.
const allHigh = 1<<(unix.CAP_LAST_CAP+1-32) - 1

// DropInheritable empties the inheritable and ambient capabilities of the calling
// thread, which a program started early has: nothing it executes is to get any.
func DropInheritable() error {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		return fmt.Errorf("cannot read capabilities: %w", err)
	}
	d[0].Inheritable, d[1].Inheritable = 0, 0
	// Ambient ones go with the inheritable ones.
	if err := unix.Capset(&h, &d[0]); err != nil {
		return fmt.Errorf("cannot drop inheritable capabilities: %w", err)
	}
	return nil
}

// CloneFlags are the flags that the child of [Grant.Start] is cloned with.
const CloneFlags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS

// Process is a program started by [Grant.Start].
type Process struct {
	Pid   int
	child *tape.Child
	ops   []tape.Op
	// errors and sync are our ends of the pipes.
	errors, sync *os.File
	joined       bool
	early        bool
}

// Start clones the child and returns at once: the program does not run before
// [Process.Map] has been called. join, when not nil, is a base user namespace
// (a file of nsfs) to enter instead of making one.
func (g Grant) Start(p Program, join *os.File) (*Process, error) {
	var sync, failed [2]int
	if err := unix.Pipe2(sync[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	if err := unix.Pipe2(failed[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	// What the child still needs after filling descriptors 0 to 3 lies above them.
	var err error
	if failed[1], err = above(failed[1]); err != nil {
		return nil, err
	}
	for _, f := range []**os.File{&p.Stdio[0], &p.Stdio[1], &p.Stdio[2], &p.Extra, &p.File} {
		if *f == nil {
			continue
		}
		fd, err := unix.FcntlInt((*f).Fd(), unix.F_DUPFD_CLOEXEC, firstFree)
		if err != nil {
			return nil, fmt.Errorf("cannot duplicate a descriptor: %w", err)
		}
		*f = os.NewFile(uintptr(fd), (*f).Name())
		defer (*f).Close()
	}
	slots := tape.NewSlots()
	slots[slotSync], slots[slotSyncWrite] = uintptr(sync[0]), uintptr(sync[1])
	if p.File != nil {
		slots[slotExe] = p.File.Fd()
	}
	flags := uint64(unix.CLONE_VM)
	if join != nil {
		slots[slotJoin] = join.Fd()
	} else {
		flags |= CloneFlags
	}
	ops := g.Ops(p, join != nil)
	child, err := tape.Start(tape.Clone{Flags: flags, Errors: failed[1]}, ops, slots)
	unix.Close(failed[1])
	unix.Close(sync[0])
	proc := &Process{child: child, ops: ops, errors: os.NewFile(uintptr(failed[0]), "errors"), sync: os.NewFile(uintptr(sync[1]), "sync"), joined: join != nil, early: p.Early}
	if err != nil {
		proc.close()
		return nil, ExplainClone(err)
	}
	proc.Pid = child.Pid
	return proc, nil
}

// Map writes the id maps and lets the program run. It returns when the program
// has been executed, or says why it could not be.
func (p *Process) Map(ctx context.Context, g Grant) error {
	defer p.close()
	var err error
	if !p.joined {
		if err = g.WriteMaps(ctx, p.Pid); err == nil && !p.early {
			_, err = p.sync.Write([]byte{1})
		}
		p.sync.Close()
	}
	report := make([]byte, tape.FailureSize)
	n, _ := p.errors.Read(report)
	p.child.Release()
	if err == nil {
		err = p.child.Failed(report[:max(n, 0)])
	}
	if err != nil {
		// It may be executed already and wait for orders; it is our child, so the
		// number is still its own.
		_ = unix.Kill(p.Pid, unix.SIGKILL)
		_, _ = p.Wait()
		return fmt.Errorf("cannot enter the base user namespace: %w", err)
	}
	return nil
}

// Wait waits for the program's end and returns its exit status as a shell would
// show it: 128 and the signal's number when a signal ended it.
func (p *Process) Wait() (int, error) {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(p.Pid, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return -1, fmt.Errorf("wait for process %d: %w", p.Pid, err)
		case ws.Signaled():
			return 128 + int(ws.Signal()), nil
		default:
			return ws.ExitStatus(), nil
		}
	}
}

func (p *Process) close() {
	p.errors.Close()
	p.sync.Close()
}

// firstFree is the first descriptor that a program does not get.
const firstFree = 10

// above moves a descriptor out of the way of those that a program gets.
func above(fd int) (int, error) {
	moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFree)
	unix.Close(fd)
	if err != nil {
		return -1, fmt.Errorf("cannot duplicate a descriptor: %w", err)
	}
	return moved, nil
}

// OpenNamespace opens the user namespace of process pid if it shows exactly the
// base maps of g, to be joined by [Grant.Start].
func (g Grant) OpenNamespace(pid int) (*os.File, error) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/user")
	if err != nil {
		return nil, err
	}
	if !g.MapsEqual(pid) || !isChild(f) {
		f.Close()
		return nil, fmt.Errorf("process %d: %w", pid, ErrOtherMap)
	}
	return f, nil
}

// isChild tells whether a user namespace is a child of this process's own. A
// container's is a grandchild, and may show the maps of a base namespace; but
// the container's root has power over all that is made in it.
func isChild(ns *os.File) bool {
	fd, err := unix.IoctlRetInt(int(ns.Fd()), unix.NS_GET_PARENT)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var parent, own unix.Stat_t
	return unix.Fstat(fd, &parent) == nil && unix.Stat("/proc/self/ns/user", &own) == nil &&
		parent.Dev == own.Dev && parent.Ino == own.Ino
}
