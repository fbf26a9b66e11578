package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"coracle/launcher"
	"coracle/storage"
)

// StatsCmd is `coracle stats`.
type StatsCmd struct {
	Names    []string `arg:"" optional:"" name:"container" help:"Names or ids; without any all that run."`
	All      bool     `short:"a" help:"Show those that do not run, too."`
	Latest   bool     `short:"l" help:"The container made last."`
	Format   string   `placeholder:"TEMPLATE|json" help:"Print in another form."`
	Interval int      `short:"i" default:"5" placeholder:"SECONDS" help:"Time between two looks (5)."`
	NoReset  bool     `help:"Do not clear the terminal between two looks."`
	NoStream bool     `help:"Look once only."`
	NoTrunc  bool     `help:"Do not shorten ids."`
}

// firstLook is how long it takes until there is a first share of the processors to
// show: the kernel counts the time of processes in hundredths of a second.
const firstLook = time.Second

// Run prints what containers use until it is interrupted.
func (c *StatsCmd) Run(ctx context.Context) (int, error) {
	switch {
	case c.Interval < 1:
		return launcher.ExitFailed, fmt.Errorf("invalid --interval %d: a number of seconds from 1 on is wanted", c.Interval)
	case len(c.Names) > 0 && (c.All || c.Latest), c.All && c.Latest:
		return launcher.ExitFailed, errors.New("--all, --latest and names contradict each other")
	}
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	if c.Latest {
		if c.Names, err = chosen(all, nil, false, true); err != nil {
			return launcher.ExitFailed, err
		}
	}
	w := &statsWatch{StatsCmd: c, all: all, said: make(map[string]bool)}
	if _, err := w.render(nil); err != nil { // a bad template is found before anything is waited for
		return launcher.ExitFailed, err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	return w.run(ctx)
}

// statsWatch is a command that goes on.
type statsWatch struct {
	*StatsCmd
	all    *launcher.Containers
	before map[string]launcher.Sample
	said   map[string]bool
	drawn  bool
}

// run looks again and again. It ends when it is interrupted, and when all
// containers that were named are gone.
func (w *statsWatch) run(ctx context.Context) (int, error) {
	list, err := w.list(true)
	if err == nil {
		w.before, err = w.samples(list)
	}
	if err != nil {
		return launcher.ExitFailed, err
	}
	interval := time.Duration(w.Interval) * time.Second
	next := time.After(min(interval, firstLook))
	if len(w.before) == 0 && w.NoStream {
		next = time.After(0)
	}
	for {
		select {
		case <-ctx.Done():
			return 0, nil
		case <-next:
		}
		next = time.After(interval)
		if list, err = w.list(false); err != nil {
			return launcher.ExitFailed, err
		}
		if len(list) == 0 && len(w.Names) > 0 {
			return 0, nil
		}
		if err := w.look(list); err != nil {
			return launcher.ExitFailed, err
		}
		if w.NoStream {
			return 0, nil
		}
	}
}

// list finds the containers to show. After the first time those that are gone are
// left out.
func (w *statsWatch) list(first bool) (list []statsOf, err error) {
	for _, name := range w.Names {
		x, err := w.all.Find(name)
		if !first && errors.Is(err, storage.ErrNoContainer) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, statsOf{x, name})
	}
	if len(w.Names) > 0 {
		return list, nil
	}
	every, err := w.all.List()
	if err != nil {
		return nil, err
	}
	for _, x := range every {
		if w.All || x.PID != 0 {
			list = append(list, statsOf{x, x.ID})
		}
	}
	slices.SortFunc(list, func(a, b statsOf) int { return b.c.Intent.Created.Compare(a.c.Intent.Created) })
	return list, nil
}
