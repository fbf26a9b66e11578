package seccomp

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var (
	// ErrProfile is the class of all errors about a profile that makes no sense: an unknown
	// action, operator or field, a bad number, JSON that is none.
	ErrProfile = errors.New("bad seccomp profile")

	// ErrUnsupported is the class of errors about what a profile may ask, but this package does
	// not do: SCMP_ACT_NOTIFY, other architectures.
	ErrUnsupported = errors.New("seccomp feature not supported")

	// ErrTooLong says that a profile compiles to more than the 4096 instructions the kernel takes
	// (linux/bpf_common.h, BPF_MAXINSNS).
	ErrTooLong = errors.New("seccomp filter too long")
)

const (
	maxErrno = 4095 // include/linux/err.h; seccomp(2) cuts larger ones down to it
	retNOSYS = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// actions are the words a filter returns (seccomp(2)), without errno. SCMP_ACT_KILL is libseccomp's
// old name of KILL_THREAD.
var actions = [...]struct {
	name  specs.LinuxSeccompAction
	word  uint32
	errno uint // largest errno it takes along, 0 for none
}{
	{specs.ActAllow, unix.SECCOMP_RET_ALLOW, 0},
	{specs.ActErrno, unix.SECCOMP_RET_ERRNO, maxErrno},
	{specs.ActKill, unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActKillThread, unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActKillProcess, unix.SECCOMP_RET_KILL_PROCESS, 0},
	{specs.ActTrap, unix.SECCOMP_RET_TRAP, 0},
	{specs.ActTrace, unix.SECCOMP_RET_TRACE, 0xffff},
	{specs.ActLog, unix.SECCOMP_RET_LOG, 0},
}

// encode turns an action and its errno into the word a filter returns. Without an errno ERRNO and
// TRACE carry EPERM; an errno with any other action is an error (runtime-spec, config-linux.md).
func encode(action specs.LinuxSeccompAction, errno *uint) (uint32, error) {
	for _, a := range actions {
		if a.name != action {
			continue
		}
		switch {
		case a.errno == 0 && errno != nil:
			return 0, fmt.Errorf("%w: action %s takes no errno\n"+
				"  fix: remove errnoRet, or use SCMP_ACT_ERRNO", ErrProfile, action)
		case a.errno == 0:
			return a.word, nil
		case errno == nil:
			return a.word | uint32(unix.EPERM), nil
		case *errno > a.errno:
			return 0, fmt.Errorf("%w: errno %d is larger than %d", ErrProfile, *errno, a.errno)
		}
		return a.word | uint32(*errno), nil
	}
	switch action {
	case specs.ActNotify:
		return 0, fmt.Errorf("%w: SCMP_ACT_NOTIFY needs an agent that answers calls\n"+
			"  fix: use SCMP_ACT_ERRNO or SCMP_ACT_ALLOW in the profile", ErrUnsupported)
	case "":
		return 0, fmt.Errorf("%w: no action given\n  fix: add \"SCMP_ACT_ALLOW\" or "+
			"\"SCMP_ACT_ERRNO\"", ErrProfile)
	}
	return 0, fmt.Errorf("%w: unknown action %q\n  fix: use one of SCMP_ACT_ALLOW, _ERRNO, _KILL, "+
		"_KILL_THREAD, _KILL_PROCESS, _TRAP, _TRACE, _LOG", ErrProfile, action)
}

// severity orders actions as the kernel does when several filters answer: smaller is more
// restrictive (kernel/seccomp.c, ACTION_ONLY compares them as signed numbers).
func severity(word uint32) int32 { return int32(word & unix.SECCOMP_RET_ACTION_FULL) }

// lenient tells a default action that lets calls through. Such a profile is a list of what is
// refused, so calls it does not know about are not refused either (runc's rule for its ENOSYS).
func lenient(word uint32) bool {
	switch word & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_TRACE:
		return true
	}
	return false
}

// flags are the seccomp(2) flags a profile may name. TSYNC is accepted and is nothing: a container
// has one thread when its filter is attached.
var flags = [...]struct {
	name specs.LinuxSeccompFlag
	bit  uint
}{
	{"SECCOMP_FILTER_FLAG_TSYNC", 0},
	{specs.LinuxSeccompFlagLog, unix.SECCOMP_FILTER_FLAG_LOG},
	{specs.LinuxSeccompFlagSpecAllow, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
}

// FilterFlags returns the flags to give seccomp(2) with the profile's filter. A profile that names
// none gets SECCOMP_FILTER_FLAG_SPEC_ALLOW, as runc and crun do: without it kernels before 5.16
// switch off speculative store bypass for every process with a filter, which slows it.
func FilterFlags(p *specs.LinuxSeccomp) (uint, error) {
	if p.Flags == nil {
		return unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, nil
	}
	var bits uint
next:
	for _, name := range p.Flags {
		for _, f := range flags {
			if f.name == name {
				bits |= f.bit
				continue next
			}
		}
		if name == specs.LinuxSeccompFlagWaitKillableRecv {
			return 0, fmt.Errorf("%w: flag %s is for SCMP_ACT_NOTIFY", ErrUnsupported, name)
		}
		return 0, fmt.Errorf("%w: unknown flag %q", ErrProfile, name)
	}
	return bits, nil
}
