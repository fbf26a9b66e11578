package tape

import "golang.org/x/sys/unix"

// Call is a system call that programs may hold. The set is closed: what is not
// here cannot be asked for, whoever wrote the program. Only calls that exist
// on every architecture are in it, so the at-forms stand for the old ones.
type Call uint16

// The calls, in no particular order. Each is documented in section 2 of the
// Linux manual pages under its own name.
const (
	Nop Call = iota
	Read
	Write
	Close
	CloseRange
	Dup3
	Openat
	Openat2
	Mkdirat
	Mknodat
	Symlinkat
	Fchownat
	Fchown
	Fchdir
	Chdir
	Chroot
	Mount
	Umount2
	PivotRoot
	OpenTree
	MoveMount
	MountSetattr
	Fsopen
	Fsconfig
	Fsmount
	Unshare
	Setns
	Sethostname
	Setdomainname
	Socket
	Ioctl
	Sendmsg
	Ppoll
	Prctl
	Prlimit64
	Capset
	Setgroups
	Setresgid
	Setresuid
	Setsid
	Umask
	Seccomp
	RtSigprocmask
	Execve
	Execveat
	Keyctl
	Setxattr
	Personality
	Fork
	Exit
	Fcntl
	ncalls
)

var calls = [ncalls]struct {
	name string
	nr   uintptr
}{
	Nop:           {"getpid", unix.SYS_GETPID},
	Read:          {"read", unix.SYS_READ},
	Write:         {"write", unix.SYS_WRITE},
	Close:         {"close", unix.SYS_CLOSE},
	CloseRange:    {"close_range", unix.SYS_CLOSE_RANGE},
	Dup3:          {"dup3", unix.SYS_DUP3},
	Openat:        {"openat", unix.SYS_OPENAT},
	Openat2:       {"openat2", unix.SYS_OPENAT2},
	Mkdirat:       {"mkdirat", unix.SYS_MKDIRAT},
	Mknodat:       {"mknodat", unix.SYS_MKNODAT},
	Symlinkat:     {"symlinkat", unix.SYS_SYMLINKAT},
	Fchownat:      {"fchownat", unix.SYS_FCHOWNAT},
	Fchown:        {"fchown", unix.SYS_FCHOWN},
	Fchdir:        {"fchdir", unix.SYS_FCHDIR},
	Chdir:         {"chdir", unix.SYS_CHDIR},
	Chroot:        {"chroot", unix.SYS_CHROOT},
	Mount:         {"mount", unix.SYS_MOUNT},
	Umount2:       {"umount2", unix.SYS_UMOUNT2},
	PivotRoot:     {"pivot_root", unix.SYS_PIVOT_ROOT},
	OpenTree:      {"open_tree", unix.SYS_OPEN_TREE},
	MoveMount:     {"move_mount", unix.SYS_MOVE_MOUNT},
	MountSetattr:  {"mount_setattr", unix.SYS_MOUNT_SETATTR},
	Fsopen:        {"fsopen", unix.SYS_FSOPEN},
	Fsconfig:      {"fsconfig", unix.SYS_FSCONFIG},
	Fsmount:       {"fsmount", unix.SYS_FSMOUNT},
	Unshare:       {"unshare", unix.SYS_UNSHARE},
	Setns:         {"setns", unix.SYS_SETNS},
	Sethostname:   {"sethostname", unix.SYS_SETHOSTNAME},
	Setdomainname: {"setdomainname", unix.SYS_SETDOMAINNAME},
	Socket:        {"socket", unix.SYS_SOCKET},
	Ioctl:         {"ioctl", unix.SYS_IOCTL},
	Sendmsg:       {"sendmsg", unix.SYS_SENDMSG},
	Ppoll:         {"ppoll", unix.SYS_PPOLL},
	Prctl:         {"prctl", unix.SYS_PRCTL},
	Prlimit64:     {"prlimit64", unix.SYS_PRLIMIT64},
	Capset:        {"capset", unix.SYS_CAPSET},
	Setgroups:     {"setgroups", unix.SYS_SETGROUPS},
	Setresgid:     {"setresgid", unix.SYS_SETRESGID},
	Setresuid:     {"setresuid", unix.SYS_SETRESUID},
	Setsid:        {"setsid", unix.SYS_SETSID},
	Umask:         {"umask", unix.SYS_UMASK},
	Seccomp:       {"seccomp", unix.SYS_SECCOMP},
	RtSigprocmask: {"rt_sigprocmask", unix.SYS_RT_SIGPROCMASK},
	Execve:        {"execve", unix.SYS_EXECVE},
	Execveat:      {"execveat", unix.SYS_EXECVEAT},
	Keyctl:        {"keyctl", unix.SYS_KEYCTL},
	Setxattr:      {"setxattr", unix.SYS_SETXATTR},
	Personality:   {"personality", unix.SYS_PERSONALITY},
	Fork:          {"clone", unix.SYS_CLONE},
	Exit:          {"exit_group", unix.SYS_EXIT_GROUP},
	Fcntl:         {"fcntl", unix.SYS_FCNTL},
}

// String is the system call's name.
func (c Call) String() string {
	if c < ncalls {
		return calls[c].name
	}
	return "unknown"
}
