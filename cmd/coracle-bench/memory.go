package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Memory is what processes of one name cost for each running container, in
// megabytes of 1,000,000 bytes.
type Memory struct {
	Program string  `json:"program"`
	Process string  `json:"process"`
	Running int     `json:"running"` // containers at once
	Count   int     `json:"count"`   // processes of that name, all together
	Rss     float64 `json:"rss_mb"`
	Pss     float64 `json:"pss_mb"`
	Private float64 `json:"private_mb"`
}

// holdLimit is how long the containers may take to start.
const holdLimit = 2 * time.Minute

// measureMemory starts n containers that sleep and looks at every process that
// is there because of them, save the sleepers.
func (s *sampler) measureMemory(ctx context.Context, w *world, p peer, n int, id func() string) ([]Memory, error) {
	s.clearErrors()
	var commands [][]string
	for range n {
		commands = append(commands, p.argv(id(), sleepCommand()...))
	}
	all, err := s.start(w, commands)
	if err == nil {
		err = s.awaitSleepers(ctx, n)
	}
	var rows []Memory
	if err == nil {
		time.Sleep(500 * time.Millisecond) // what runs only during a start ends
		rows, err = s.weigh(p.name, n)
	}
	return rows, errors.Join(err, s.stop(all))
}

// awaitSleepers waits until n containers run their command.
func (s *sampler) awaitSleepers(ctx context.Context, n int) error {
	for end := time.Now().Add(holdLimit); ; time.Sleep(50 * time.Millisecond) {
		sleepers, err := s.sleepers()
		switch {
		case err != nil:
			return err
		case len(sleepers) >= n:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted: %w", ctx.Err())
		case time.Now().After(end):
			return fmt.Errorf("only %d of %d containers started: %s", len(sleepers), n, s.errors())
		}
	}
}

func (s *sampler) sleepers() ([]process, error) {
	all, err := processes("/proc")
	if err != nil {
		return nil, err
	}
	below := descendants(all, os.Getpid(), s.keepers)
	return slices.DeleteFunc(below, func(p process) bool { return p.Name != sleepCommand()[0] }), nil
}

// weigh adds up the memory of all processes that are there, by name.
func (s *sampler) weigh(program string, n int) ([]Memory, error) {
	all, err := processes("/proc")
	if err != nil {
		return nil, err
	}
	var found []weight
	for _, p := range descendants(all, os.Getpid(), s.keepers) {
		if p.Name == sleepCommand()[0] {
			continue
		}
		m, err := readMemory(p.PID)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		found = append(found, weight{p.Name, m})
	}
	return share(program, n, found), nil
}

type weight struct {
	name string
	memory
}

// share divides what was found by the number of containers.
func share(program string, n int, found []weight) []Memory {
	var rows []Memory
	for _, f := range found {
		i := slices.IndexFunc(rows, func(m Memory) bool { return m.Process == f.name })
		if i < 0 {
			i = len(rows)
			rows = append(rows, Memory{Program: program, Process: f.name, Running: n})
		}
		m := &rows[i]
		m.Count++
		m.Rss += megabytes(f.Rss) / float64(n)
		m.Pss += megabytes(f.Pss) / float64(n)
		m.Private += megabytes(f.Private) / float64(n)
	}
	slices.SortFunc(rows, func(a, b Memory) int { return strings.Compare(a.Process, b.Process) })
	return rows
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// stop ends the containers by killing what runs in them, and the programs when
// nothing does.
func (s *sampler) stop(all []started) error {
	sleepers, err := s.sleepers()
	for _, p := range sleepers {
		_ = unix.Kill(p.PID, unix.SIGKILL)
	}
	if len(sleepers) < len(all) {
		for _, p := range all {
			_ = p.Kill()
		}
	}
	for _, p := range all {
		_, _ = p.Wait() // of a killed command
	}
	if !s.settle(s.patience) {
		err = errors.Join(err, fmt.Errorf("processes are left: %s", s.left()))
	}
	return err
}
