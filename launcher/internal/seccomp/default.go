package seccomp

import (
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// namespaceFlags are the clone(2) flags that make a namespace. CLONE_NEWTIME is not among them: in
// clone(2) its bit is part of the exit signal, it exists for clone3 and unshare only.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// argRule permits one call when its argument compares so.
type argRule struct {
	name string
	arg  specs.LinuxSeccompArg
}

// argRules are the calls permitted for some arguments. The rules of one call do not overlap and
// all allow, so every OCI runtime reads them alike (see "Several rules for one call").
var argRules = [...]argRule{
	// All socket families but AF_ALG (38: the kernel's crypto, which libraries do without;
	// CVE-2026-31431) and AF_VSOCK (40: the line to the hypervisor, which network namespaces do
	// not divide).
	{"socket", arg(0, specs.OpLessThan, unix.AF_ALG, 0)},
	{"socket", arg(0, specs.OpEqualTo, unix.AF_ALG+1, 0)},
	{"socket", arg(0, specs.OpGreaterThan, unix.AF_VSOCK, 0)},
	// socketpair(2) makes sockets of the family, too, before it finds that they cannot be paired.
	{"socketpair", arg(0, specs.OpLessThan, unix.AF_ALG, 0)},
	{"socketpair", arg(0, specs.OpEqualTo, unix.AF_ALG+1, 0)},
	{"socketpair", arg(0, specs.OpGreaterThan, unix.AF_VSOCK, 0)},

	// All terminal requests but TIOCSTI (0x5412) and TIOCLINUX (0x541c), which type into a
	// terminal in its owner's name (CVE-2017-5226, CVE-2019-10063). What lies between them is
	// cut into ranges that one comparison can tell.
	{"ioctl", arg(1, specs.OpLessThan, unix.TIOCSTI, 0)},
	{"ioctl", arg(1, specs.OpEqualTo, unix.TIOCSTI+1, 0)},
	{"ioctl", arg(1, specs.OpMaskedEqual, 0xfffffffc, 0x5414)}, // 0x5414 to 0x5417
	{"ioctl", arg(1, specs.OpMaskedEqual, 0xfffffffc, 0x5418)}, // 0x5418 to 0x541b
	{"ioctl", arg(1, specs.OpGreaterThan, unix.TIOCLINUX, 0)},

	// personality(2): PER_LINUX, PER_LINUX32 (uname tells a 32-bit machine), UNAME26, both, and
	// "just tell". Not READ_IMPLIES_EXEC or ADDR_NO_RANDOMIZE, which undo defences.
	{"personality", arg(0, specs.OpEqualTo, 0x0, 0)},
	{"personality", arg(0, specs.OpEqualTo, 0x8, 0)},
	{"personality", arg(0, specs.OpEqualTo, 0x20000, 0)},
	{"personality", arg(0, specs.OpEqualTo, 0x20008, 0)},
	{"personality", arg(0, specs.OpEqualTo, 0xffffffff, 0)},
}

// cloneRule permits clone(2) when it makes no namespace.
var cloneRule = argRule{"clone", arg(0, specs.OpMaskedEqual, namespaceFlags, 0)}

func arg(index uint, op specs.LinuxSeccompOperator, value, two uint64) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: index, Value: value, ValueTwo: two, Op: op}
}

// Default returns the profile of a container that has the given bounding set ("CAP_SYS_ADMIN", …;
// a name it does not know permits nothing). It is deny by default, with docker's allow-list and
// EPERM for the rest; see names.go and argRules for what differs from docker and why. It is
// written for the architecture of the running program and is the caller's to change.
//
// Namespaces are docker's way, not podman's: unshare, setns, mount and clone with namespace flags
// need CAP_SYS_ADMIN. A fresh user namespace gives its maker every capability inside it, and with
// them most of the kernel code in which privilege escalations are found (netfilter, overlayfs,
// traffic control); a container of this program already has a user namespace of its own, so few
// programs in it need another. Those that do ask with --cap-add SYS_ADMIN, which is power over the
// container's own namespaces only. clone3 passes its flags in memory, where no filter can see them
// (seccomp(2)), so it answers ENOSYS and C libraries use clone instead.
func Default(caps []string) *specs.LinuxSeccomp {
	admin := slices.Contains(caps, "CAP_SYS_ADMIN")

	names := make([]string, 0, len(allowed)+64)
	names = append(names, allowed[:]...)
	for i := range gated {
		if slices.Contains(caps, gated[i].capability) {
			names = append(names, gated[i].names...)
		}
	}
	always := len(names)

	eperm, enosys := uint(unix.EPERM), uint(unix.ENOSYS)
	p := &specs.LinuxSeccomp{
		DefaultAction:   specs.ActErrno,
		DefaultErrnoRet: &eperm,
		Syscalls:        make([]specs.LinuxSyscall, 1, len(argRules)+3),
	}
	if m, err := machineOf(runtime.GOARCH); err == nil {
		p.Architectures = []specs.Arch{m.oci}
	}
	p.Syscalls[0] = specs.LinuxSyscall{Names: names[:always:always], Action: specs.ActAllow}

	// One block of memory for all names and one for all arguments: this runs at every launch.
	args := make([]specs.LinuxSeccompArg, 0, len(argRules)+1)
	permit := func(r argRule) {
		names, args = append(names, r.name), append(args, r.arg)
		n, a := len(names), len(args)
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: names[n-1 : n : n], Action: specs.ActAllow, Args: args[a-1 : a : a],
		})
	}
	for _, r := range argRules {
		permit(r)
	}
	if !admin {
		permit(cloneRule)
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &enosys,
		})
	}
	return p
}
