package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/storage"
	"coracle/userns"
)

// Run launches a container, waits for its end, and returns its exit status, or
// the program's own with an error that says why there was no container. A
// detached one is not waited for: its id goes to stdout. Notes that a user
// should see go to stderr, one line each.
func Run(ctx context.Context, o *intent.Options, stdout, stderr io.Writer) (int, error) {
	return runOf(ctx, o, stdout, stderr, mostBases)
}

// runOf is Run, once more up to so many times if it finds errOtherBase.
func runOf(ctx context.Context, o *intent.Options, stdout, stderr io.Writer, tries int) (int, error) {
	l, err := identify(ctx, o)
	if err != nil {
		return ExitFailed, err
	}
	status, err := l.run(ctx, stdout, stderr)
	if errors.Is(err, errOtherBase) && tries > 0 {
		return runOf(ctx, o, stdout, stderr, tries-1)
	}
	if again, ferr := l.fallBack(ctx, stderr, err); ferr != nil {
		return ExitFailed, errors.Join(err, ferr)
	} else if again {
		return Run(ctx, o, stdout, stderr)
	}
	var ce *CommandError
	if errors.As(err, &ce) {
		return ce.Code, err
	}
	return status, err
}

// create makes the container's directory and reserves its name.
func (l *launch) create() (*storage.Dir, error) {
	if l.again != nil {
		return l.again.dir, nil
	}
	c := storage.Containers{Data: l.paths.Data}
	if l.options.Replace && l.options.Name != "" {
		if err := l.replace(c); err != nil {
			return nil, err
		}
	}
	facts, err := l.autoFacts()
	if err != nil {
		return nil, err
	}
	p := storage.Params{Name: l.options.Name, Keep: l.keep || !l.options.Rm, Facts: facts}
	d, err := c.Create(p)
	if errors.Is(err, storage.ErrNameInUse) {
		if other, missing := c.Lookup(p.Name); missing == nil && settle(other) != nil {
			return nil, err
		}
		d, err = c.Create(p)
	}
	if l.reserved != nil {
		l.reserved.Close() // everybody sees now which ids are taken
	}
	return d, err
}

func (l *launch) run(ctx context.Context, stdout, stderr io.Writer) (int, error) {
	defer l.leaveGate() // whatever becomes of it: another attempt may follow in this process
	sv, err := l.startSupervisor()
	if err != nil {
		return ExitFailed, err
	}
	// Mapping ids is mostly waiting for newuidmap: everything else that a launch
	// needs, which is the same whatever becomes of that, is done meanwhile.
	mapped := make(chan error, 1)
	go func() { mapped <- sv.process.Map(ctx, l.grant) }()
	dir, err := l.ready(ctx)
	if err != nil && l.again == nil && l.imageGone() { // removed between two steps: once more, from the start
		if dir != nil {
			l.discard(dir)
		}
		dir, err = l.ready(ctx)
	}
	if err == nil {
		err = l.makeGroup(ctx, sv.process.Pid, dir.ID, stderr)
	}
	defer l.leaveGroup()
	signals := catch(l.options.SigProxy)
	switch merr := <-mapped; {
	case merr != nil:
		err = merr
	case err == nil:
		l.note(stderr)
		if err = sv.request(l, dir); err == nil {
			dir.Lock.Close() // the supervisor's copy is the container's life
			l.leaveGate()
			status, err := sv.follow(l, dir, signals)
			if err != nil && l.imageGone() {
				err = fmt.Errorf("the image %s was removed by another command while the container was starting: %w", l.image.Ref, err)
			}
			if err == nil && l.options.Detach {
				if err := l.tellManager(sv.process.Pid); err != nil {
					fmt.Fprintln(stderr, "coracle: "+err.Error())
				}
				fmt.Fprintln(stdout, dir.ID)
			}
			return status, err
		}
		fallthrough
	default:
		sv.abandon()
	}
	if dir != nil && l.again == nil {
		l.discard(dir)
	}
	return ExitFailed, err
}

// ready makes the plan and the container's directory.
func (l *launch) ready(ctx context.Context) (*storage.Dir, error) {
	if err := l.resolve(ctx); err != nil {
		return nil, err
	}
	dir, err := l.create()
	if err != nil {
		return nil, err
	}
	if err := l.copyRoot(ctx, dir); err != nil {
		return dir, err
	}
	if err := l.compute(ctx, dir); err != nil {
		return dir, err
	}
	if l.again == nil && (dir.Keep || l.options.Detach) {
		if err := l.record(dir); err != nil {
			return dir, err
		}
	}
	return dir, l.writeCidfile(dir.ID)
}

// note prints what the user should know about this launch.
func (l *launch) note(stderr io.Writer) {
	for _, w := range append([]string{l.grant.Note}, l.extras.Warnings...) {
		if w != "" && !l.options.Quiet {
			fmt.Fprintln(stderr, "coracle: "+w)
		}
	}
}

// running is a supervisor as the caller sees it.
type running struct {
	process *userns.Process
	conn    conn
	pipes   pipes
}

// startSupervisor clones the supervisor and returns before its ids are mapped.
func (l *launch) startSupervisor() (*running, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p := userns.Program{
		Argv:  []string{SupervisorName, l.paths.Run},
		Early: true,
		Extra: theirs,
		// A supervisor mostly waits: threads for every processor of the machine would
		// only cost memory. Nothing of the caller's environment reaches it.
		Env: []string{"GOMAXPROCS=2"},
	}
	if p.Path, p.File, err = self(); err != nil {
		return nil, err
	}
	for fd := range 3 {
		if fd == 0 && !l.options.Interactive || fd > 0 && l.follows() || l.options.Detach {
			if p.Stdio[fd], err = os.OpenFile("/dev/null", os.O_RDWR, 0); err != nil {
				return nil, err
			}
		}
	}
	r := &running{conn: conn{ours}}
	if !l.options.TTY && !l.options.Detach {
		if err := r.pipes.replace(&p.Stdio); err != nil {
			return nil, err
		}
	}
	join := l.openBase()
	netns, err := l.options.Netns()
	if err == nil {
		err = inNetns(netns, func() (err error) { r.process, err = l.grant.Start(p, join); return err })
	}
	if join != nil {
		join.Close()
	}
	for _, f := range p.Stdio {
		if f != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	r.pipes.start()
	return r, nil
}

// self finds this program's file: by its path, or as a sealed copy in memory
// when the file was removed or replaced meanwhile.
func self() (path string, file *os.File, err error) {
	path, err = os.Readlink("/proc/self/exe")
	if err != nil {
		return "", nil, fmt.Errorf("cannot find the program's own file: %w\n  fix: mount -t proc proc /proc", err)
	}
	var exe, named unix.Stat_t
	if unix.Stat("/proc/self/exe", &exe) == nil && unix.Stat(path, &named) == nil && exe.Dev == named.Dev && exe.Ino == named.Ino {
		return path, nil, nil
	}
	file, err = sealedCopy("/proc/self/exe")
	return "", file, err
}

// abandon ends a supervisor that nothing was asked of.
func (r *running) abandon() {
	r.conn.f.Close()
	_, _ = r.process.Wait()
}

// checkInherited makes sure that a descriptor for --preserve-fds is the caller's
// and not one of this program's own, which are all close-on-exec.
func checkInherited(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return fmt.Errorf("--preserve-fds: descriptor %d is not open\n  fix: open it in the calling shell, as in: coracle run --preserve-fds 1 … 3<file", fd)
	}
	return nil
}

// request sends the plan.
func (r *running) request(l *launch, dir *storage.Dir) error {
	req := &request{
		Version: Version(), Dir: dir.Path, Name: dir.Name, Data: l.paths.Data, Keep: !l.options.Rm, Exists: l.again != nil, Portable: portableAsked(),
		Timeout: l.extras.Timeout, Plan: *l.plan, Init: l.extras.Init, Pidfile: l.options.Pidfile != "", Preserve: l.extras.PreserveFDs, Mounts: slices.Concat([]string{dir.Root()}, l.mounts, l.layerMounts()),
	}
	if l.image != nil {
		req.Image = l.image.ID
	}
	if l.group != nil {
		req.Group, req.GroupOwner = l.group.Group, l.extras.CgroupWritable
	}
	req.ImageName, req.Labels = l.options.Image(), l.extras.Labels
	req.Restart, _ = l.options.Policy() // checked before
	req.Health = l.health
	req.describeNetwork(l.extras.Slirp)
	req.Attachments, req.Bridge = l.extras.Attachments, l.bridge
	req.describeDriver(l.extras.Driver)
	switch {
	case l.options.Detach:
		req.Detach, req.Interactive = true, l.options.Interactive
	case l.follows():
		req.Detach, req.Follow = true, true // its standard input is the caller's
	}
	req.Log = l.logConfig(dir)
	fds := []int{int(dir.Lock.Fd())}
	for _, j := range l.plan.Joins {
		fds = append(fds, int(l.joins[j.Type].Fd()))
		req.Joined = append(req.Joined, l.joined[j.Type])
	}
	if l.shifted != nil {
		req.Shifted = true
		fds = append(fds, int(l.shifted.Lock.Fd()))
	}
	if l.gate != nil {
		req.Gate = true
		fds = append(fds, int(l.gate.Fd()))
	}
	for _, lock := range l.locks {
		req.Held++
		fds = append(fds, int(lock.Fd()))
	}
	for i := range l.extras.PreserveFDs {
		if err := checkInherited(3 + i); err != nil {
			return err
		}
		fds = append(fds, 3+i)
	}
	if req.Init {
		f, err := storage.Init()
		if err != nil {
			return err
		}
		defer f.Close()
		fds = append(fds, int(f.Fd()))
	}
	return r.conn.send(msgLaunch, req.encode(), fds...)
}

// follow relays until the container has ended.
func (r *running) follow(l *launch, dir *storage.Dir, signals chan os.Signal) (int, error) {
	f := follower{
		conn: r.conn, relay: &relay{signal: signals, pipes: &r.pipes, told: l.follows(), keys: detachKeys{keys: l.extras.DetachKeys}}, leave: l.options.Detach, proxy: l.options.SigProxy,
		gone: errKilled, uplink: l.serveUplink,
		started: func(pid int) error {
			if !dir.Keep && !l.options.Detach {
				// Others may want to know; a container that ends at once is not worth it.
				time.AfterFunc(restAfter, func() { _ = l.record(dir) })
			}
			return l.writePid(pid)
		},
		failed: func() {
			_, _ = r.process.Wait()
			l.forgetCidfile(dir.ID)
		},
	}
	if p, err := l.options.Policy(); err == nil && mayRestart(p, l.health) {
		x := &containers.Container{Dir: dir, Intent: containers.Intent{StopSignal: l.extras.StopSignal}}
		f.relay.asked = func(sig unix.Signal) { _ = askStop(x, sig) }
	}
	return f.follow()
}

var errKilled = errors.New("the supervisor ended before the container did: it was killed\n  see: journalctl, dmesg")

// failure is the error that a supervisor sent.
func failure(payload []byte) error {
	code, text := int(payload[0]), string(payload[1:])
	if code == ExitCannotInvoke || code == ExitNotFound {
		return &CommandError{Code: code, Err: errors.New(text), text: text}
	}
	switch code {
	case exitStack:
		return &stackError{text}
	case exitBase:
		return &baseError{text}
	}
	return errors.New(text)
}
