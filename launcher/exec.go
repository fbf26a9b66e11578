package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/launcher/intent/hostfacts"
	"coracle/launcher/pause"
	"coracle/launcher/plan"
	"coracle/userns/tape"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Exec runs one more command in a running container and returns its exit status,
// 0 at once when it is detached. Errors: storage.ErrNoContainer, [ErrNotRunning].
func Exec(ctx context.Context, name string, command []string, o *intent.ExecOptions) (int, error) {
	all, err := OpenContainers(ctx)
	if err != nil {
		return ExitFailed, err
	}
	c, err := all.Running(name)
	if err != nil {
		return ExitFailed, err
	}
	if c.Paused && !o.Explain {
		return ExitFailed, pause.Refuse(name)
	}
	x, err := all.prepareExec(c, command, o)
	if err != nil {
		return ExitFailed, err
	}
	defer x.conn.f.Close()
	if o.Explain {
		p := printer{w: os.Stdout}
		p.section("a process that the container's supervisor clones, and waits for")
		p.ops(x.ops)
		return 0, p.err
	}
	return x.run()
}

// execution is one `exec` on its way.
type execution struct {
	options *intent.ExecOptions
	ops     []tape.Op
	keys    []byte
	conn    conn
	pipes   pipes
}

// prepareExec makes the operations and connects.
func (all *Containers) prepareExec(c *containers.Container, command []string, o *intent.ExecOptions) (*execution, error) {
	c, spec, err := all.withSpec(c)
	if err != nil {
		return nil, err
	}
	host, err := hostfacts.Gather(&intent.Options{TTY: o.TTY})
	if err != nil {
		return nil, err
	}
	maps := intent.Maps{UIDs: spec.Linux.UIDMappings, GIDs: spec.Linux.GIDMappings, NoGroups: all.grant.Single}
	process, keys, err := intent.Exec(intent.ExecInput{
		Options: o, Command: command, Base: spec, View: &insideView{run: all.run, id: c.ID}, Maps: maps, Host: host,
	})
	if err != nil {
		return nil, err
	}
	in := plan.ExecInput{Process: process, DenySetgroups: maps.NoGroups, MappedRoot: mapsRoot(spec), Keep: int(o.PreserveFDs)}
	if !o.Privileged {
		if in.Filter, err = compileFilter(c.Intent.Seccomp, process.Capabilities.Bounding); err != nil {
			return nil, err
		}
	}
	x := &execution{options: o, keys: keys}
	if x.ops, err = plan.NewExec(in); err != nil {
		return nil, fmt.Errorf("cannot plan the command: %w", err)
	}
	x.conn, err = dial(all.run, c.ID)
	return x, err
}

// mapsRoot tells whether a process that joins the container can be its root.
func mapsRoot(spec *specs.Spec) bool {
	for _, m := range spec.Linux.UIDMappings {
		if m.ContainerID == 0 {
			return true
		}
	}
	return len(spec.Linux.UIDMappings) == 0
}

// run sends the request and relays until the command has ended.
func (x *execution) run() (int, error) {
	stdio, err := x.stdio()
	if err != nil {
		return ExitFailed, err
	}
	fds := []int{int(stdio[0].Fd()), int(stdio[1].Fd()), int(stdio[2].Fd())}
	for i := range int(x.options.PreserveFDs) {
		if err := checkInherited(3 + i); err != nil {
			return ExitFailed, err
		}
		fds = append(fds, 3+i)
	}
	signals := catch(!x.options.Detach)
	if err := x.conn.send(msgExec, tape.Append([]byte{controlVersion}, x.ops), fds...); err != nil {
		return ExitFailed, fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	}
	for i, f := range stdio {
		if f != []*os.File{os.Stdin, os.Stdout, os.Stderr}[i] {
			f.Close()
		}
	}
	x.pipes.start()
	return (&follower{conn: x.conn, relay: &relay{signal: signals, pipes: &x.pipes, keys: detachKeys{keys: x.keys}}, leave: x.options.Detach, proxy: true, gone: errKilled}).follow()
}

// stdio is what the command gets: this process's descriptors, but no terminal of
// the caller's, and nothing to read unless it was asked for.
func (x *execution) stdio() (stdio [3]*os.File, err error) {
	for fd := range 3 {
		if fd == 0 && !x.options.Interactive || x.options.Detach || x.options.TTY {
			if stdio[fd], err = os.OpenFile("/dev/null", os.O_RDWR, 0); err != nil {
				return stdio, err
			}
		}
	}
	if err := x.pipes.replace(&stdio); err != nil {
		return stdio, err
	}
	for fd, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if stdio[fd] == nil {
			stdio[fd] = f
		}
	}
	return stdio, nil
}

// insideView reads files of a running container through its supervisor, which
// may where this process may not.
type insideView struct{ run, id string }

// ReadFile implements intent.View.
func (v *insideView) ReadFile(name string, limit int64) ([]byte, error) {
	c, err := dial(v.run, v.id)
	if err != nil {
		return nil, err
	}
	defer c.f.Close()
	if err := c.send(msgOpen, append([]byte{controlVersion}, name...)); err != nil {
		return nil, err
	}
	k, payload, fds, err := c.receive()
	switch {
	case err != nil:
		return nil, err
	case k == msgNone:
		return nil, fs.ErrNotExist
	case k != msgOpened || len(fds) != 1:
		closeAll(fds)
		return nil, fmt.Errorf("cannot read /%s of the container: %s", name, text(payload))
	}
	f := os.NewFile(uintptr(fds[0]), name)
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("/%s of the container is larger than %d bytes", name, limit)
	}
	return data, err
}

// Resolve implements intent.View; nothing that exec decides needs it.
func (v *insideView) Resolve(name string) (string, fs.FileMode, bool, error) {
	return "", 0, false, errors.ErrUnsupported
}

func text(payload []byte) string {
	if len(payload) == 0 {
		return "no reason given"
	}
	return string(payload[1:])
}

// factsWait bounds how long a throw-away container that just started may take to
// leave its facts.
const factsWait = 2 * time.Second

// withSpec waits for a running container's facts: the specification that it was
// made from, and what was asked.
func (all *Containers) withSpec(c *containers.Container) (*containers.Container, *specs.Spec, error) {
	for deadline := time.Now().Add(factsWait); ; time.Sleep(time.Millisecond) {
		spec, err := c.Spec()
		if errors.Is(err, fs.ErrNotExist) && !c.Keep {
			if alive, aerr := c.Alive(); aerr == nil && !alive {
				return nil, nil, fmt.Errorf("%w: %s: it ended just now", ErrNotRunning, c.Name)
			}
			if time.Now().Before(deadline) {
				continue
			}
		}
		if err != nil {
			return nil, nil, err
		}
		c, err = all.Find(c.ID)
		return c, spec, err
	}
}
