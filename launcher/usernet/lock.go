package usernet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Lock keeps everybody else from joining and leaving a network until the file is
// closed. It is for moments: nobody else is waited for while it is held.
func (s Store) Lock(network string) (*os.File, error) {
	dir := s.dir(network)
	for {
		fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == unix.ENOENT {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return nil, fmt.Errorf("cannot make the directory of network %s: %w", network, err)
			}
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: dir, Err: err}
		}
		f := os.NewFile(uintptr(fd), dir)
		for err = unix.EINTR; err == unix.EINTR; {
			err = unix.Flock(fd, unix.LOCK_EX)
		}
		if err != nil {
			f.Close()
			return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
		}
		// The last member takes the directory along; what has its name now is another's.
		var open, named unix.Stat_t
		if unix.Fstat(fd, &open) == nil && unix.Lstat(dir, &named) == nil && open.Ino == named.Ino && open.Dev == named.Dev {
			return f, nil
		}
		f.Close()
	}
}

// sweep tells, under the lock, the dead from the living, and removes what is no fact.
// The facts of the dead stay: their addresses are free when their devices are gone.
func (s Store) sweep(network string) (living, dead []Member, err error) {
	entries, err := os.ReadDir(s.dir(network))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot list the members of network %s: %w", network, err)
	}
	for _, e := range entries {
		path := filepath.Join(s.dir(network), e.Name())
		m, ok := read(path)
		switch {
		case ok && m.ID == e.Name() && m.Alive():
			living = append(living, m)
			continue
		case ok && m.ID == e.Name():
			dead = append(dead, m)
			continue
		case strings.HasPrefix(e.Name(), newPrefix), !ok && e.Type().IsRegular():
			// what a crash left while it was written, or a hand
		default:
			continue
		}
		_ = os.Remove(path)
	}
	return living, dead, nil
}

// Sweep removes what members left that were killed, in all networks: supervisors do
// so when they end. A network that somebody is at just now is left to him.
func (s Store) Sweep() {
	entries, err := os.ReadDir(filepath.Join(s.Run, dirName))
	if err != nil {
		return
	}
	for _, e := range entries {
		facts, err := s.facts(e.Name())
		stale := err == nil && len(facts) == 0
		for i := range facts {
			stale = stale || !facts[i].Alive()
		}
		if !stale {
			continue
		}
		if lock, err := s.Lock(e.Name()); err == nil {
			s.leaveEmpty(e.Name())
			lock.Close()
		}
	}
}

// leaveEmpty sweeps, buries the dead, and removes the directory of a network without
// members. By then it is empty, or has something in it that is not ours.
func (s Store) leaveEmpty(network string) {
	living, dead, err := s.sweep(network)
	if err != nil {
		return
	}
	if len(living) > 0 {
		_ = s.buryAmong(network, living, dead) // who joins next tries again
		return
	}
	s.forget(network, dead) // the namespace has gone with them, and their devices with it
	_ = os.Remove(s.dir(network))
}

// buryAmong buries the dead of a network that has others.
func (s Store) buryAmong(network string, living, dead []Member) error {
	if len(dead) == 0 {
		return nil
	}
	for i := range living {
		ns, ok, err := living[i].Holder.open()
		if err != nil {
			return err
		}
		if ok {
			defer unix.Close(ns)
			return s.bury(network, ns, dead)
		}
	}
	return nil
}

// bury takes away what the dead have left in the network's namespace, then their
// facts. A device can be alive, in a namespace that another container shares.
func (s Store) bury(network string, ns int, dead []Member) error {
	if err := unplug(ns, dead); err != nil {
		return err
	}
	s.forget(network, dead)
	return nil
}

func (s Store) forget(network string, dead []Member) {
	for i := range dead {
		_ = os.Remove(filepath.Join(s.dir(network), dead[i].ID))
	}
}
