package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Life is what is done with a container after its start.
type Life struct {
	Exec     []Row  `json:"exec"`      // exec true in one that runs
	FirstLog []Row  `json:"first_log"` // from run -d to the first line of its log
	Stop     []Row  `json:"stop"`      // of one that exits on TERM
	Rest     []Rest `json:"rest"`
	// Logs is what passes through the log.
	Logs []Throughput `json:"logs"`
}

// lifer is a program with containers that go on by themselves: its command lines.
type lifer struct {
	name, program string
	// run starts a detached container of that name with a command; exec, logs, stop
	// and rm are about it, ps lists all. Empty ones the program does not have.
	run                    func(name string, argv ...string) []string
	exec, logs, stop, kill func(name string) []string
	ps                     []string
}

// lifers are those of the peers that can do it.
func (b *bench) lifers(bundles string) (all []lifer) {
	for _, p := range b.peers {
		words := func(w ...string) func(string) []string {
			return func(name string) []string {
				line := append([]string{p.program}, w...)
				for i := range line {
					line[i] = strings.ReplaceAll(line[i], "NAME", name)
				}
				return line
			}
		}
		switch p.name {
		case "coracle", "podman":
			all = append(all, lifer{
				name: p.name, program: p.program,
				run: func(name string, argv ...string) []string {
					return append([]string{p.program, "run", "-d", "--name", name, "--network", "none", imageName}, argv...)
				},
				exec: words("exec", "NAME", "true"), logs: words("logs", "-f", "NAME"), stop: words("stop", "NAME"), kill: words("rm", "-f", "-t", "0", "NAME"),
				ps: []string{p.program, "ps"},
			})
		case "crun", "crun unfiltered":
			prefix := map[string]string{"crun": "", "crun unfiltered": plainBundle}[p.name]
			all = append(all, lifer{
				name: p.name, program: p.program,
				run: func(name string, argv ...string) []string {
					return []string{p.program, "--cgroup-manager=disabled", "run", "--detach", "--bundle", bundles + "/" + prefix + argv[0], name}
				},
				exec: words("--cgroup-manager=disabled", "exec", "NAME", "true"), kill: words("--cgroup-manager=disabled", "delete", "--force", "NAME"),
			})
		}
	}
	return all
}

// measureLife does all of it.
func (b *bench) measureLife(ctx context.Context, a amounts, bundles string) (*Life, error) {
	l, all := &Life{}, b.lifers(bundles)
	var err error
	progress("exec, %d rounds of %d programs", a.rounds, len(all))
	if l.Exec, err = b.lifeExec(ctx, a.rounds, all); err != nil {
		return nil, err
	}
	logging := slices.DeleteFunc(slices.Clone(all), func(x lifer) bool { return x.logs == nil })
	few := max(2, a.rounds/3)
	progress("first line of a log, and stop, %d rounds of %d programs", few, len(logging))
	if l.FirstLog, err = b.lifeRounds(ctx, few, logging, b.firstLog); err != nil {
		return nil, err
	}
	if l.Stop, err = b.lifeRounds(ctx, few, logging, b.stopping); err != nil {
		return nil, err
	}
	if l.Logs, err = b.measureLogs(ctx, a.logBytes, logging); err != nil {
		return nil, err
	}
	for _, x := range logging {
		n := a.resting
		progress("%d of %s at rest", n, x.name)
		rest, err := b.rest(ctx, x, n, a.rounds)
		if err != nil && x.name == "coracle" {
			return nil, err
		} else if err != nil {
			b.note("%s, %d at rest: %s", x.name, n, oneLine(err))
			continue
		}
		l.Rest = append(l.Rest, rest)
	}
	return l, nil
}

// lifeRounds measures something of some programs in turn. Only coracle's failure is
// an error.
func (b *bench) lifeRounds(ctx context.Context, n int, all []lifer, take func(lifer) (sample, error)) ([]Row, error) {
	var entries []entry
	for _, x := range all {
		entries = append(entries, entry{x.name, func() (sample, error) { return take(x) }})
	}
	series, err := rounds(ctx, n, entries)
	if err != nil {
		return nil, err
	}
	for i, s := range series {
		if s.err != nil && i == 0 {
			return nil, s.err
		}
		if s.err != nil {
			b.note("%s: left out after %d rounds: %s", s.name, len(s.samples), oneLine(s.err))
		}
	}
	return rowsOf(series), nil
}

// lifeExec runs true in one running container of each.
func (b *bench) lifeExec(ctx context.Context, n int, all []lifer) ([]Row, error) {
	names := map[string]string{}
	var guests []*guest
	defer func() {
		for _, g := range guests {
			_ = g.end()
		}
	}()
	var there []lifer
	for i, x := range all {
		g, err := b.invite(x, sleepCommand()...)
		if err != nil && i == 0 {
			return nil, err
		}
		if err != nil {
			b.note("%s: no container to exec into: %s", x.name, oneLine(err))
			continue
		}
		guests, names[x.name] = append(guests, g), g.name
		there = append(there, x)
	}
	return b.lifeRounds(ctx, n, there, func(x lifer) (sample, error) { return b.sampler.run(b.world, x.exec(names[x.name])) })
}

// guest is a container that runs while something is measured.
type guest struct {
	b       *bench
	of      lifer
	name    string
	keepers []int // of the sampler, because of it
}

// invite starts a container and takes its processes for keepers.
func (b *bench) invite(x lifer, argv ...string) (*guest, error) {
	g := &guest{b: b, of: x, name: "life-" + b.id()}
	if err := b.quietly(x.run(g.name, argv...)); err != nil {
		return nil, errors.Join(err, g.end())
	}
	g.adopt()
	return g, nil
}

func (g *guest) adopt() {
	before := map[int]bool{}
	for pid := range g.b.sampler.keepers {
		before[pid] = true
	}
	g.b.sampler.adopt()
	for pid := range g.b.sampler.keepers {
		if !before[pid] {
			g.keepers = append(g.keepers, pid)
		}
	}
}

// end removes the container, and waits until its processes have ended.
func (g *guest) end() error {
	return errors.Join(g.b.quietly(g.of.kill(g.name)), g.gone())
}

// gone waits until the processes of a removed container have ended.
func (g *guest) gone() error {
	for _, pid := range g.keepers {
		delete(g.b.sampler.keepers, pid)
	}
	if !g.b.sampler.settle(g.b.sampler.patience) {
		return fmt.Errorf("processes are left: %s", g.b.sampler.left())
	}
	return nil
}

// quietly runs a command to its end, whatever it leaves running.
func (b *bench) quietly(argv []string) error {
	b.sampler.clearErrors()
	all, err := b.sampler.start(b.world, [][]string{argv})
	if err != nil {
		return err
	}
	_, err = b.sampler.wait(all[0])
	return err
}

// firstLog is the time from the start of run -d until a reader of the log has the
// first line.
func (b *bench) firstLog(x lifer) (sample, error) {
	g := &guest{b: b, of: x, name: "life-" + b.id()}
	before, start := cpuTime(), time.Now()
	err := b.quietly(x.run(g.name, "sh", "-c", "echo ready; exec sleep 600"))
	if err == nil {
		err = b.readLine(x.logs(g.name))
	}
	s := sample{Wall: time.Since(start)}
	g.adopt()
	err = errors.Join(err, g.end())
	s.Gone, s.CPU = time.Since(start), cpuTime()-before
	return s, err
}

// readLine reads the first line of what a command prints, and ends it.
func (b *bench) readLine(argv []string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Dir: b.world.Home, Env: b.world.env(), Files: []*os.File{b.sampler.null, w, b.sampler.stderr}})
	w.Close()
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	_ = p.Kill()
	_, _ = p.Wait()
	if err != nil || line != "ready\n" {
		return fmt.Errorf("%s: the log begins with %q: %w", argv[0], line, errors.Join(err, errors.New(b.sampler.errors())))
	}
	return nil
}

// stopping is how long stop takes for a container that exits when it is told.
func (b *bench) stopping(x lifer) (sample, error) {
	g, err := b.invite(x, "sh", "-c", `trap "exit 0" TERM; echo ready; sleep 600 & wait`)
	if err != nil {
		return sample{}, err
	}
	if err = b.readLine(x.logs(g.name)); err != nil {
		return sample{}, errors.Join(err, g.end())
	}
	before, start := cpuTime(), time.Now()
	err = b.quietly(x.stop(g.name))
	s := sample{Wall: time.Since(start), CPU: cpuTime() - before}
	err = errors.Join(err, g.end())
	s.Gone = time.Since(start)
	return s, err
}
