package launcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/launcher/intent/hostfacts"
	"coracle/launcher/internal/capability"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/userns"
	"coracle/userns/tape"
)

// Visit is a command that runs in some of the namespaces of a container, or of
// another process of the user's, and in the caller's for the rest.
//
// Power over a namespace comes with the user namespace that owns it, or one above
// it (user_namespaces(7)). The command is root of the uppermost one that is the
// user's: for containers the base namespace, whose root is the user on the host
// as well. With "user" among the types it is root of the target's own.
type Visit struct {
	Target  string   // name or id of a container, or a pid
	Types   []string // of [containers.NamespaceTypes]; none is an error
	Command []string
	// UID and GID in the user namespace; negative: 0.
	UID, GID                  int
	Workdir                   string
	Interactive, TTY, Explain bool
	Env                       []string // as of exec
	// What follows is found out.
	pid, uid, gid int
	mask          uintptr // what the child enters, after the helper
	keepGroups    bool
	noRoot        bool // id 0 is not mapped where the command runs
}

// Errors of [Visit.Run].
var (
	ErrNotYours = errors.New("its user namespace is not yours")
	ErrOwnSpace = errors.New("it is in your own user namespace")
)

// Run runs the command and returns its exit status. Errors: storage.ErrNoContainer,
// [ErrNotRunning], [ErrNotYours], [ErrOwnSpace].
func (v Visit) Run(ctx context.Context) (int, error) {
	if len(v.Types) == 0 {
		return ExitFailed, errors.New("no namespace chosen\n  fix: --net, --mnt, --pid, --ipc, --uts, --user, --cgroup, --time or --all")
	}
	l, err := newLaunch(ctx)
	if err != nil {
		return ExitFailed, err
	}
	all := &Containers{Set: containers.Set{Containers: storage.Containers{Data: l.paths.Data}}, run: l.paths.Run, grant: l.grant}
	start, err := v.find(all)
	if err != nil {
		return ExitFailed, err
	}
	target := "process " + strconv.Itoa(v.pid)
	pidfd, err := unix.PidfdOpen(v.pid, 0)
	if err != nil || containers.StartTime(v.pid) != start {
		return ExitFailed, fmt.Errorf("%s: %w", target, os.ErrProcessDone)
	}
	defer unix.Close(pidfd)
	upper, err := uppermost(v.pid)
	if err != nil {
		return ExitFailed, fmt.Errorf("cannot enter the namespaces of %s: %w", target, err)
	}
	defer upper.Close()
	if err := v.identity(upper); err != nil {
		return ExitFailed, fmt.Errorf("cannot enter the namespaces of %s: %w", target, err)
	}
	ops, err := v.plan()
	if err != nil {
		return ExitFailed, err
	}
	if v.Explain {
		p := printer{w: os.Stdout}
		p.section("a helper: root of the user namespace above")
		p.line("clone3(CLONE_VM), setns(CLONE_NEWUSER), unshare(CLONE_NEWNS)", "which has power over what is entered")
		p.section("a process that the helper clones, and waits for; it enters " + strings.Join(v.Types, ", "))
		p.ops(ops)
		return 0, p.err
	}
	return v.visit(ctx, l, upper, pidfd, ops)
}

// shortestID is how long the beginning of an id must be not to be taken for a pid.
const shortestID = 12

// find finds the process to visit: a container's first, or any. A number is a pid
// unless it is a container's name, or long.
func (v *Visit) find(all *Containers) (start string, err error) {
	x, err := all.settled(v.Target)
	n, bad := strconv.Atoi(v.Target)
	if bad != nil || n <= 0 || err == nil && (x.Name == v.Target || len(v.Target) >= shortestID) {
		if err == nil && (!x.Running || x.PID == 0) {
			err = fmt.Errorf("%w: %s\n  fix: coracle start %[2]s", ErrNotRunning, v.Target)
		}
		if err != nil {
			return "", err
		}
		v.pid = x.PID
		return x.Start, nil
	}
	if v.pid, start = n, containers.StartTime(n); start == "" {
		return "", fmt.Errorf("no such container and no such process: %s\n  fix: coracle ps", v.Target)
	}
	return start, nil
}

// uppermost opens the uppermost user namespace that a process is in, and this
// process is not: a child of this process's own.
func uppermost(pid int) (*os.File, error) {
	ns, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/user")
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w\n  fix: as root, sudo nsenter -t %d …", ErrNotYours, pid)
	}
	if err != nil {
		return nil, err
	}
	return above(ns, "sudo nsenter -t "+strconv.Itoa(pid)+" …")
}

// above walks up from a user namespace, which it closes, to the uppermost one below
// this process's own.
func above(ns *os.File, fix string) (*os.File, error) {
	var own, at unix.Stat_t
	if err := errors.Join(unix.Stat("/proc/self/ns/user", &own), unix.Fstat(int(ns.Fd()), &at)); err != nil {
		ns.Close()
		return nil, err
	}
	if at.Ino == own.Ino && at.Dev == own.Dev {
		ns.Close()
		return nil, fmt.Errorf("%w: no other one gives power over its namespaces\n  fix: %s", ErrOwnSpace, fix)
	}
	for {
		parent, err := unix.IoctlRetInt(int(ns.Fd()), unix.NS_GET_PARENT) // ioctl_ns(2), Linux 4.9
		if err != nil {
			ns.Close()
			return nil, fmt.Errorf("%w: it is not below this one", ErrNotYours)
		}
		if err := unix.Fstat(parent, &at); err == nil && at.Ino == own.Ino && at.Dev == own.Dev {
			unix.Close(parent)
			return ns, nil
		}
		ns.Close()
		ns = os.NewFile(uintptr(parent), "user namespace")
	}
}

// identity decides as whom the command runs, and what is entered of that which is
// not the caller's anyway.
func (v *Visit) identity(upper *os.File) error {
	if owner, err := unix.IoctlGetUint32(int(upper.Fd()), unix.NS_GET_OWNER_UID); err != nil || os.Geteuid() != 0 && owner != uint32(os.Geteuid()) {
		return fmt.Errorf("%w: it belongs to uid %d", ErrNotYours, owner)
	}
	for kind, flag := range cloneFlags {
		if slices.Contains(v.Types, kind) {
			v.mask |= flag
		}
	}
	v.mask &= foreign(v.pid)
	if v.mask == 0 {
		return fmt.Errorf("there is nothing to enter: its %s are yours", strings.Join(v.Types, ", "))
	}
	uids, gids, err := userns.MapsOf(v.pid)
	if err != nil {
		return err
	}
	var its, up unix.Stat_t
	if err := errors.Join(unix.Stat("/proc/"+strconv.Itoa(v.pid)+"/ns/user", &its), unix.Fstat(int(upper.Fd()), &up)); err != nil {
		return err
	}
	below := its.Ino != up.Ino || its.Dev != up.Dev
	if v.uid, v.gid = max(v.UID, 0), max(v.GID, 0); v.GID < 0 {
		v.gid = v.uid
	}
	if !below || v.mask&unix.CLONE_NEWUSER != 0 { // its maps are those of the command
		if err := v.mapped(uids, gids, below); err != nil {
			return err
		}
	}
	if !below {
		v.mask &^= unix.CLONE_NEWUSER // the helper enters it
	}
	denied, _ := os.ReadFile("/proc/" + strconv.Itoa(v.pid) + "/setgroups")
	v.keepGroups = strings.HasPrefix(string(denied), "deny") || v.UID < 0 && v.GID < 0 && v.mask&unix.CLONE_NEWNS == 0
	return nil
}

// mapped makes sure that the command's ids are in the maps.
func (v *Visit) mapped(uids, gids userns.IDMap, below bool) error {
	for _, id := range []struct {
		word, file string
		id         int
		m          userns.IDMap
	}{{"uid", "uid_map", v.uid, uids}, {"gid", "gid_map", v.gid, gids}} {
		if _, ok := id.m.ToOutside(uint32(id.id)); !ok {
			return fmt.Errorf("its user namespace has no %s %d (%s: %s)\n  fix: --set%[1]s", id.word, id.id, id.file, id.m)
		}
		if _, ok := id.m.ToOutside(0); !ok {
			v.noRoot = true
		}
	}
	if v.noRoot && !below {
		return errors.New("its user namespace has no root to become\n  fix: one made by unshare --map-root-user")
	}
	return nil
}

// visitEnv are the variables that a command of the target's own root file system
// gets of the caller's: what the environment holds is the host's business.
var visitEnv = []string{"TERM", "LANG", "LC_ALL", "COLORTERM"}

// plan computes what the helper's child does.
func (v *Visit) plan() ([]tape.Op, error) {
	env := os.Environ()
	if v.mask&unix.CLONE_NEWNS != 0 {
		env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
		for _, name := range visitEnv {
			if value, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+value)
			}
		}
	}
	for _, e := range v.Env {
		name, _, set := strings.Cut(e, "=")
		if value, ok := os.LookupEnv(name); !set && ok {
			e, set = name+"="+value, true
		}
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		if set {
			env = append(env, e)
		}
	}
	host, err := hostfacts.Gather(&intent.Options{})
	if err != nil {
		return nil, err
	}
	mask := uint32(unix.Umask(0))
	unix.Umask(int(mask))
	power := slices.Clone(capability.Names[:min(host.LastCap+1, len(capability.Names))])
	ops, err := plan.NewExec(plan.ExecInput{
		Process: &specs.Process{
			Args: v.Command, Env: env, Cwd: v.Workdir, User: specs.User{UID: uint32(v.uid), GID: uint32(v.gid), Umask: &mask},
			Capabilities: &specs.LinuxCapabilities{Bounding: power, Effective: power, Permitted: power},
		},
		MappedRoot: !v.noRoot, DenySetgroups: v.keepGroups, Session: v.TTY, Stay: v.mask == 0,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot plan the command: %w", err)
	}
	return ops, nil
}

// visit starts the helper and relays until the command has ended.
func (v *Visit) visit(ctx context.Context, l *launch, upper *os.File, pidfd int, ops []tape.Op) (int, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return ExitFailed, err
	}
	defer ours.Close()
	x := execution{options: &intent.ExecOptions{Interactive: v.Interactive || v.TTY, TTY: v.TTY}, ops: ops, conn: conn{ours}}
	signals := catch(true)
	runtime.LockOSThread() // see userns.Program.Tied
	defer runtime.UnlockOSThread()
	p := userns.Program{Argv: []string{VisitName}, Tied: true, Extra: theirs, Env: []string{"GOMAXPROCS=2"}}
	if p.Path, p.File, err = self(); err != nil {
		return ExitFailed, err
	}
	process, err := l.grant.Start(p, upper)
	theirs.Close()
	if err == nil {
		err = process.Map(ctx, l.grant)
	}
	if err != nil {
		return ExitFailed, err
	}
	stdio, fds, err := v.descriptors(&x)
	if err != nil {
		return ExitFailed, err
	}
	payload := append([]byte{controlVersion}, be32(v.pid)...)
	payload = append(payload, be32(int(v.mask))...)
	if err := x.conn.send(msgExec, tape.Append(payload, ops), append(fds, pidfd)...); err != nil {
		return ExitFailed, fmt.Errorf("the helper does not answer: %w", err)
	}
	for _, f := range stdio {
		f.Close()
	}
	x.pipes.start()
	status, err := (&follower{conn: x.conn, relay: &relay{signal: signals, pipes: &x.pipes}, proxy: true, gone: errors.New("the helper was killed")}).follow()
	_, _ = process.Wait()
	return status, err
}

// descriptors are those for the helper: the command's standard ones, and with a
// terminal of its own, that one's master. files are to be closed when they are sent.
func (v *Visit) descriptors(x *execution) (files []*os.File, fds []int, err error) {
	if v.TTY {
		master, slave, err := newTerminal()
		if err != nil {
			return nil, nil, err
		}
		s := int(slave.Fd())
		return []*os.File{master, slave}, []int{s, s, s, int(master.Fd())}, nil
	}
	stdio, err := x.stdio()
	if err != nil {
		return nil, nil, err
	}
	for i, f := range stdio {
		fds = append(fds, int(f.Fd()))
		if f != []*os.File{os.Stdin, os.Stdout, os.Stderr}[i] {
			files = append(files, f)
		}
	}
	return files, fds, nil
}
