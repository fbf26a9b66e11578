package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sample is what one run, or one batch of runs at once, took.
type sample struct {
	Wall time.Duration // until the last answer
	Gone time.Duration // until the last process ended
	CPU  time.Duration // user and system time of all processes
	RSS  int64         // bytes of the largest process
}

// sampler runs programs and takes samples.
type sampler struct {
	null, stderr *os.File
	// keepers are processes that a program leaves running on purpose, as podman
	// its pause process.
	keepers map[int]bool
	// patience is how long a program may take to clean up after itself.
	patience time.Duration
}

func newSampler() (*sampler, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make a file in memory: %w", err)
	}
	return &sampler{null: null, stderr: os.NewFile(uintptr(fd), "stderr"), keepers: map[int]bool{}, patience: 5 * time.Second}, nil
}

// run runs all commands at once and waits for their end and for that of what
// they leave behind. Each must exit with status 0.
func (s *sampler) run(w *world, commands ...[]string) (sample, error) {
	s.clearErrors()
	before := cpuTime()
	start := time.Now()
	var errs error
	started, err := s.start(w, commands)
	errs = errors.Join(errs, err)
	var largest int64
	for _, p := range started {
		rss, err := s.wait(p)
		largest, errs = max(largest, rss), errors.Join(errs, err)
	}
	wall := time.Since(start)
	if !s.settle(s.patience) {
		errs = errors.Join(errs, fmt.Errorf("processes are left: %s", s.left()))
	}
	return sample{Wall: wall, Gone: time.Since(start), CPU: cpuTime() - before, RSS: largest}, errs
}

// started is a running command.
type started struct {
	*os.Process
	name string
}

func (s *sampler) start(w *world, commands [][]string) ([]started, error) {
	attr := &os.ProcAttr{Dir: w.Home, Env: w.env(), Files: []*os.File{s.null, s.null, s.stderr}}
	var all []started
	for _, argv := range commands {
		p, err := os.StartProcess(argv[0], argv, attr)
		if err != nil {
			return all, err
		}
		all = append(all, started{p, argv[0]})
	}
	return all, nil
}

// wait waits for a command's end and says how large its largest process was, as
// far as it waited for them: getrusage(2), ru_maxrss.
func (s *sampler) wait(p started) (rss int64, err error) {
	state, err := p.Wait()
	if err != nil {
		return 0, err
	}
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		rss = u.Maxrss * 1024
	}
	if !state.Success() {
		err = fmt.Errorf("%s: %s: %s", p.name, state, s.errors())
	}
	return rss, err
}

// settle waits until no child is left but the keepers.
func (s *sampler) settle(limit time.Duration) bool {
	for end := time.Now().Add(limit); ; time.Sleep(300 * time.Microsecond) {
		reapAll()
		pids, err := children()
		if err == nil && !s.strangers(pids) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func (s *sampler) strangers(pids []int) bool {
	for _, pid := range pids {
		if !s.keepers[pid] {
			return true
		}
	}
	return false
}

// adopt takes whatever runs now for keepers, and returns their names.
func (s *sampler) adopt() []string {
	var names []string
	pids, _ := children()
	for _, pid := range pids {
		if p, err := readProcess("/proc", pid); err == nil && !s.keepers[pid] {
			s.keepers[pid] = true
			names = append(names, p.Name)
		}
	}
	return names
}

// close ends the keepers.
func (s *sampler) close() {
	for pid := range s.keepers {
		_ = unix.Kill(pid, unix.SIGKILL) // our child: the pid is its own until we wait for it
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	s.null.Close()
	s.stderr.Close()
}

// left names the processes that have not ended.
func (s *sampler) left() string {
	all, _ := processes("/proc")
	var names []string
	for _, p := range descendants(all, os.Getpid(), s.keepers) {
		names = append(names, fmt.Sprintf("%s (pid %d)", p.Name, p.PID))
	}
	return strings.Join(names, ", ")
}

func (s *sampler) clearErrors() {
	_ = s.stderr.Truncate(0)
	_, _ = s.stderr.Seek(0, io.SeekStart)
}

// errors is the end of what was printed on standard error.
func (s *sampler) errors() string {
	text, _ := io.ReadAll(io.NewSectionReader(s.stderr, 0, 1<<20))
	return lastLines(string(text), 2)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

// cpuTime is that of all children that were waited for, and of theirs.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
