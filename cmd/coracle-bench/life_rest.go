package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Rest is what containers cost that do nothing, and how long listing them takes.
type Rest struct {
	Program string `json:"program"`
	Running int    `json:"running"`
	// Pss is the proportional memory of all processes but the containers' own, in
	// megabytes for each container; Processes how many there are.
	Pss       float64 `json:"pss_mb"`
	Processes int     `json:"processes"`
	// Wakeups is how often they were scheduled in a second, all together.
	Wakeups float64 `json:"wakeups_per_s"`
	Ps      Row     `json:"ps"`
}

// restLength is how long is counted.
const restLength = 10 * time.Second

// rest starts containers, leaves them alone, lists them, and removes them.
func (b *bench) rest(ctx context.Context, x lifer, n, count int) (r Rest, err error) {
	var guests []*guest
	defer func() {
		for _, g := range guests {
			err = errors.Join(err, b.quietly(g.of.kill(g.name)))
		}
		if len(guests) > 0 {
			err = errors.Join(err, guests[0].gone())
		}
	}()
	for range n {
		if ctx.Err() != nil {
			return r, fmt.Errorf("interrupted: %w", ctx.Err())
		}
		g := &guest{b: b, of: x, name: "life-" + b.id()}
		if err := b.quietly(x.run(g.name, sleepCommand()...)); err != nil {
			return r, err
		}
		guests = append(guests, g)
	}
	time.Sleep(time.Second) // what runs only during a start ends
	rows, err := b.sampler.weigh(x.name, n)
	if err != nil {
		return r, err
	}
	r = Rest{Program: x.name, Running: n}
	for _, m := range rows {
		r.Pss += m.Pss
		r.Processes += m.Count
	}
	before, err := b.wakeups()
	if err != nil {
		return r, err
	}
	time.Sleep(restLength)
	after, err := b.wakeups()
	if err != nil {
		return r, err
	}
	r.Wakeups = float64(after-before) / restLength.Seconds()
	guests[0].adopt()
	list, err := b.lifeRounds(ctx, count, []lifer{x}, func(x lifer) (sample, error) { return b.sampler.run(b.world, x.ps) })
	if len(list) > 0 {
		r.Ps = list[0]
	}
	return r, err
}

// wakeups is how often the processes beside the containers were scheduled after
// they had waited for something, up to now.
func (b *bench) wakeups() (n int64, err error) {
	all, err := processes("/proc")
	if err != nil {
		return 0, err
	}
	for _, p := range descendants(all, os.Getpid(), b.sampler.keepers) {
		if p.Name == sleepCommand()[0] {
			continue
		}
		tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(p.PID), "task/*/status"))
		for _, t := range tasks {
			if text, err := os.ReadFile(t); err == nil {
				n += switches(string(text))
			}
		}
	}
	return n, nil
}

// switches reads voluntary_ctxt_switches of proc_pid_status(5).
func switches(status string) int64 {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return max(n, 0)
		}
	}
	return 0
}
