package plan

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/internal/capability"
	"coracle/userns/tape"
)

// capSet is a set of capabilities as a bit mask.
func capSet(names []string) (set uint64, err error) {
	for _, name := range names {
		n := capability.Number(name)
		if n < 0 {
			return 0, fmt.Errorf("unknown capability %s", name)
		}
		set |= 1 << n
	}
	return set, nil
}

// capabilities drops what the bounding set must not hold and returns the
// arguments of capset(2). Inheritable and ambient sets stay empty
// (CVE-2022-29162): a new user namespace has them so, and joining or sharing
// one does not fill them.
func (p *planner) capabilities() ([2]tape.Arg, error) {
	var args [2]tape.Arg
	have := p.spec.Process.Capabilities
	if have == nil {
		return args, fmt.Errorf("the specification names no capabilities")
	}
	var sets [3]uint64
	for i, names := range [][]string{have.Bounding, have.Effective, have.Permitted} {
		var err error
		if sets[i], err = capSet(names); err != nil {
			return args, err
		}
	}
	if len(have.Inheritable) > 0 || len(have.Ambient) > 0 {
		return args, fmt.Errorf("inheritable and ambient capabilities are not given to containers (CVE-2022-29162)")
	}
	for i, name := range capability.Names {
		if sets[0]&(1<<i) == 0 {
			p.child.do("never "+strings.TrimPrefix(name, "CAP_"), tape.Prctl, tape.Flags(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), tape.Flags(uint64(i), name), tape.Int(0), tape.Int(0), tape.Int(0))
			// A kernel that has fewer capabilities than we know.
			p.child.allow(unix.EINVAL)
		}
	}
	if p.spec.Process.User.UID != 0 {
		sets[1], sets[2] = 0, 0
	}
	p.child.do("no inheritable capabilities left to pass on", tape.Prctl, tape.Flags(unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"), tape.Flags(unix.PR_CAP_AMBIENT_CLEAR_ALL, "PR_CAP_AMBIENT_CLEAR_ALL"), tape.Int(0), tape.Int(0), tape.Int(0))
	e, m := sets[1], sets[2]
	args[0] = tape.Bytes(tape.Words32(unix.LINUX_CAPABILITY_VERSION_3, 0), "&header")
	args[1] = tape.Bytes(tape.Words32(uint32(e), uint32(m), 0, uint32(e>>32), uint32(m>>32), 0), fmt.Sprintf("{effective %#x, permitted %#x, inheritable 0}", e, m))
	return args, nil
}

var rlimits = map[string]uint64{
	"RLIMIT_CPU": unix.RLIMIT_CPU, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_DATA": unix.RLIMIT_DATA,
	"RLIMIT_STACK": unix.RLIMIT_STACK, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS, "RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING,
	"RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE, "RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO,
	"RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
}
