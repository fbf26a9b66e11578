// Package plan computes a launch: every kernel operation, in order, each with
// the reason it is there.
//
// A [Plan] is made by [New] from an OCI runtime specification and a root file
// system alone. It is a value: it can be printed, sent to a supervisor, and
// executed; executing it decides nothing. The supervisor runs Host, clones a
// child as Clone says, writes the child's id maps, and the child walks Child to
// its last operation, which executes the container's command.
//
// Whatever lies in the root file system is hostile. Nothing here joins a path
// with the root's: destinations are opened beneath the root by openat2(2) with
// RESOLVE_IN_ROOT and mounts are attached to the descriptor that came of it, so
// that no symbolic link made by an image, or changed by another container
// meanwhile, leads outside.
//
// The kernel must be Linux 5.12 or newer (mount_setattr(2)).
package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// Slots that the supervisor fills before it executes a plan.
const (
	// SyncRead and SyncWrite are the ends of a pipe: one byte says that the id
	// maps are written, and its end that the supervisor died.
	SyncRead tape.Slot = 1 + iota
	SyncWrite
	// Console is a socket that receives the master of the container's terminal.
	Console
	// Init is a descriptor of the program for --init.
	Init
	// Pid is the write end of a pipe for the pid of a child's child.
	Pid
	// Borrowed is the mount that [Plan.Borrow] sends to the Console socket.
	Borrowed
	// JoinFirst and following are namespaces to join, in the order of [Plan.Joins].
	JoinFirst

	// KeepFirst and following are descriptors that the command gets from 3 on.
	KeepFirst = 16
	// MaxKeep is how many there may be.
	MaxKeep = 16
)

// firstFree is the first slot that a plan uses for results of its own.
const firstFree = KeepFirst + MaxKeep

// Plan is a launch.
type Plan struct {
	// Borrow, when not empty, is executed by a child of the supervisor before
	// Host: it enters another container's mount namespace and sends a mount back.
	Borrow []tape.Op
	// Host is executed by the supervisor, as mapped root of the base user
	// namespace, in its own mount namespace.
	Host []tape.Op
	// Servers are started after Host.
	Servers []Server
	// CloneFlags are the CLONE_NEW* flags of the container's first process.
	CloneFlags uint64
	// ShareMemory tells that the child may share the supervisor's memory until
	// it executes the command: no other process can see it yet.
	ShareMemory bool
	// UIDMap and GIDMap are the lines for the child's /proc/PID/uid_map and
	// gid_map, empty when it gets no user namespace of its own.
	UIDMap, GIDMap string
	// DenySetgroups is set where gid_map can only be written with setgroups(2)
	// denied: one id, no privilege over it.
	DenySetgroups bool
	// Joins are the namespaces to be opened for JoinFirst and following.
	Joins []Join
	// Child is executed by the container's first process.
	Child []tape.Op
}

// Join is a namespace of another container.
type Join struct {
	Type specs.LinuxNamespaceType
	// Path is a file of nsfs, /proc/PID/ns/net for example.
	Path string
}

// Root is the root file system.
type Root struct {
	// Mount is an empty directory to mount the root file system at, in the
	// supervisor's mount namespace only.
	Mount string
	// Lower are overlay's lower directories, the uppermost first, relative to
	// Dir. Empty when Dir itself is the root.
	Lower []string
	Dir   string
	// Data are overlay's data-only lower directories, absolute, in which files of
	// Lower have their data.
	Data []string
	// Fuse is the path of fuse-overlayfs where it takes the kernel's part.
	Fuse string
	// Upper and Work are overlay's other directories, absolute. Without Upper
	// the root is read-only.
	Upper, Work string
	// Fresh are directories, parents first, that the upper directory gets, since
	// those of the same name in the lower ones belong to nobody here: what is
	// mounted in them needs a place.
	Fresh []string
	// Volatile omits every sync: for roots that are thrown away.
	Volatile bool
	// UID and GID are the base ids of the container's root when it gets no user
	// namespace of its own but another container's: the upper directory is theirs.
	UID, GID uint32
}

// File is a generated file, mounted over the path of that name.
type File struct {
	Path    string
	Content []byte
	Mode    uint32
	// ReadOnly mounts it so.
	ReadOnly bool
}

// Filter is a compiled seccomp program with the flags of seccomp(2), and what it
// does in a few words.
type Filter struct {
	Program []unix.SockFilter
	Flags   uint
	About   string
}

// Input is what a plan is made from.
type Input struct {
	Spec  *specs.Spec
	Root  Root
	Files []File
	// Filter is nil for none.
	Filter *Filter
	// KeepGroups keeps the caller's supplementary groups.
	KeepGroups bool
	// DenySetgroups as in [Plan].
	DenySetgroups bool
	// Cgroup says that the first process begins in a cgroup of the container's own.
	Cgroup bool
	// Network says that the first process waits for a second byte in [SyncRead]: its
	// network is there.
	Network bool
	// Init starts the command under the program in slot [Init].
	Init bool
	// Kind tells whether a path of procfs or sysfs exists on this kernel, and
	// whether it is a directory.
	Kind func(path string) (exists, dir bool)
	// NotDir tells of a path of the host that it is there and not a directory.
	NotDir func(path string) bool
	// Volumes say more of some of the specification's mounts, by destination.
	Volumes map[string]*Volume
	// Keep is how many descriptors the command gets from 3 on, in [KeepFirst].
	Keep int
}

// New computes the plan.
func New(in Input) (*Plan, error) {
	p := &planner{Input: in, spec: in.Spec, plan: &Plan{DenySetgroups: in.DenySetgroups}, next: firstFree}
	p.host, p.child = &list{p: p}, &list{p: p}
	for _, stage := range []func() error{
		p.namespaces, p.begin, p.root, p.mounts, p.settings, p.files, p.masks, p.enter, p.process,
	} {
		if err := stage(); err != nil {
			return nil, err
		}
	}
	p.plan.Host, p.plan.Child = p.host.ops, p.child.ops
	return p.plan, nil
}

type planner struct {
	Input
	spec        *specs.Spec
	plan        *Plan
	host, child *list
	next        tape.Slot

	// isNew and joined tell what becomes of each namespace.
	isNew, joined map[specs.LinuxNamespaceType]bool
	// rootfd, procfd and devfd are the root, /proc and /dev, once attached.
	rootfd, procfd, devfd, ptsfd tape.Slot
	// scratchfd is a tmpfs that lies above the old root and goes with it.
	scratchfd tape.Slot
	// readonly are memory file systems to be made read-only at the end.
	readonly []tape.Slot
	// tty is the container's terminal.
	tty tape.Slot
}

// list is a program that grows.
type list struct {
	p   *planner
	ops []tape.Op
}

// do appends an operation.
func (l *list) do(why string, c tape.Call, args ...tape.Arg) {
	l.ops = append(l.ops, tape.Op{Call: c, Args: args, Why: why})
}

// get appends an operation and returns the slot of its result.
func (l *list) get(why string, c tape.Call, args ...tape.Arg) tape.Slot {
	s := l.p.next
	l.p.next++
	l.ops = append(l.ops, tape.Op{Call: c, Args: args, Into: s, Why: why})
	return s
}

// allow lets the last operation fail with one of errs.
func (l *list) allow(errs ...unix.Errno) { l.ops[len(l.ops)-1].Allow = errs }

// positive makes a result of 0 of the last operation a failure.
func (l *list) positive() { l.ops[len(l.ops)-1].Positive = true }
