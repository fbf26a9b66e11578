package plan

import (
	"errors"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// process turns the container's first process into what was asked for: ids,
// limits, capabilities, filter, command.
//
// The order is the kernel's: the bounding set needs CAP_SETPCAP, a filter
// without no_new_privs needs CAP_SYS_ADMIN, changing the user gives both up,
// and with no_new_privs the filter comes last so that it need not allow the
// calls before it.
func (p *planner) process() error {
	proc, c := p.spec.Process, p.child
	if p.Network {
		c.do("wait until the network is there", tape.Read, tape.From(SyncRead), tape.Bytes(make([]byte, 8), "&byte"), tape.Int(1))
		c.positive()
	}
	var few []specs.POSIXRlimit
	limit := func(r specs.POSIXRlimit, n uint64) {
		c.do(fmt.Sprintf("%s %d:%d", strings.ToLower(strings.TrimPrefix(r.Type, "RLIMIT_")), r.Soft, r.Hard), tape.Prlimit64,
			tape.Int(0), tape.Flags(n, r.Type), tape.Bytes(tape.Words(r.Soft, r.Hard), "&limit"), tape.Int(0))
	}
	for _, r := range proc.Rlimits {
		n, ok := rlimits[r.Type]
		if !ok {
			return fmt.Errorf("unknown resource limit %s", r.Type)
		}
		if n == unix.RLIMIT_NOFILE && r.Soft < fewFiles {
			few = append(few, r)
			continue
		}
		limit(r, n)
	}
	p.stdio()
	mask := uint32(0o022)
	if proc.User.Umask != nil {
		mask = *proc.User.Umask
	}
	c.do("", tape.Umask, tape.Flags(uint64(mask), fmt.Sprintf("%#o", mask)))
	caps, err := p.capabilities()
	if err != nil {
		return err
	}
	c.do("nothing but standard input, output and error passes the exec (CVE-2024-21626)", tape.CloseRange, tape.Int(3),
		tape.Flags(0xffffffff, "UINT_MAX"), tape.Flags(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	if proc.NoNewPrivileges {
		c.do("no program executed may gain privileges", tape.Prctl, tape.Flags(unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"), tape.Int(1), tape.Int(0), tape.Int(0), tape.Int(0))
	} else {
		p.filter("refuse the kernel's dangerous system calls; attached while that is still permitted")
	}
	p.user()
	c.do("capabilities", tape.Capset, caps[0], caps[1])
	p.chdir()
	for _, r := range few { // no more is opened here; lowering a limit takes no power
		limit(r, unix.RLIMIT_NOFILE)
	}
	c.do("die with the supervisor: changing ids cleared it", tape.Prctl, pdeathsig, sigkill)
	poll := &tape.Blob{Data: make([]byte, 8), Refs: []tape.Ref{{Slot: SyncRead}}}
	c.do("unless it died before that: its end of the pipe would be closed", tape.Ppoll, tape.Mem(poll, "{"+tape.From(SyncRead).String()+"}"), tape.Int(1), tape.Bytes(make([]byte, 16), "&{0, 0}"), tape.Int(0), tape.Int(8))
	c.ops[len(c.ops)-1].ZeroSkip = 1
	c.do("then end here", tape.Exit, tape.Int(125))
	for i := range p.Keep {
		c.do("a descriptor to preserve", tape.Dup3, tape.From(KeepFirst+tape.Slot(i)), tape.Int(3+i), tape.Int(0))
	}
	c.do("no signal blocked", tape.RtSigprocmask, tape.Flags(2, "SIG_SETMASK"), tape.Bytes(make([]byte, 8), "&{}"), tape.Int(0), tape.Int(8))
	if proc.NoNewPrivileges {
		p.filter("refuse the kernel's dangerous system calls")
	}
	return p.exec()
}

// fewFiles is more than the descriptors that are in use here.
const fewFiles = 1024

func (p *planner) stdio() {
	if p.tty == 0 {
		return
	}
	c := p.child
	c.do("the terminal's signals go to the container", tape.Ioctl, tape.From(p.tty), tape.Flags(unix.TIOCSCTTY, "TIOCSCTTY"), tape.Int(0))
	for fd := range 3 {
		c.do("", tape.Dup3, tape.From(p.tty), tape.Int(fd), tape.Int(0))
	}
}

func (p *planner) user() {
	u, c := p.spec.Process.User, p.child
	if !p.KeepGroups && !p.plan.DenySetgroups {
		groups := &tape.Blob{Data: tape.Words32(append(u.AdditionalGids[:len(u.AdditionalGids):len(u.AdditionalGids)], 0)...)}
		c.do("supplementary groups", tape.Setgroups, tape.Int(len(u.AdditionalGids)), tape.Mem(groups, fmt.Sprint(u.AdditionalGids)))
	}
	c.do("the container's user", tape.Setresgid, tape.Int(u.GID), tape.Int(u.GID), tape.Int(u.GID))
	c.do("", tape.Setresuid, tape.Int(u.UID), tape.Int(u.UID), tape.Int(u.UID))
}

func (p *planner) filter(why string) {
	if p.Filter == nil {
		return
	}
	program := p.Filter.Program
	code := &tape.Blob{Data: make([]byte, 0, 8*len(program))}
	for _, i := range program {
		code.Data = append(code.Data, byte(i.Code), byte(i.Code>>8), i.Jt, i.Jf, byte(i.K), byte(i.K>>8), byte(i.K>>16), byte(i.K>>24))
	}
	prog := &tape.Blob{Data: tape.Words(uint64(len(program)), 0), Refs: []tape.Ref{{Off: 8, Blob: code}}}
	p.child.do(why, tape.Seccomp, tape.Flags(unix.SECCOMP_SET_MODE_FILTER, "SECCOMP_SET_MODE_FILTER"), tape.Int(p.Filter.Flags), tape.Mem(prog, "{"+p.Filter.About+"}"))
}

// exec executes the command, trying the directories of the container's PATH as
// execvp(3) does.
func (p *planner) exec() error {
	proc, c := p.spec.Process, p.child
	if len(proc.Args) == 0 || proc.Args[0] == "" {
		return errors.New("no command: the image has none and none was given")
	}
	argv, env := tape.Vec(proc.Args), tape.Vec(proc.Env)
	if p.Init {
		argv = tape.Vec(append([]string{"coracle-init", "--"}, proc.Args...))
		c.do("a small init reaps and forwards signals; it executes the command", tape.Execveat, tape.From(Init), empty, argv, env, emptyPath)
		return nil
	}
	paths := Candidates(proc.Args[0], proc.Env)
	for i, path := range paths {
		c.do("the command", tape.Execve, tape.Str(path), argv, env)
		if i < len(paths)-1 {
			c.allow(unix.ENOENT, unix.ENOTDIR, unix.EACCES)
		}
	}
	return nil
}

// Candidates are the paths at which a command is looked for, as execvp(3) does
// it with the PATH in env.
func Candidates(command string, env []string) []string {
	if strings.Contains(command, "/") {
		return []string{command}
	}
	path := "/bin:/usr/bin"
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			path = v
		}
	}
	var out []string
	for _, dir := range strings.Split(path, ":") {
		if dir == "" {
			dir = "."
		}
		out = append(out, dir+"/"+command)
	}
	return out
}
