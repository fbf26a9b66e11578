package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	accountName = "coracle-bench"
	// accountComment tells a user that a killed benchmark left behind from
	// somebody else's of the same name.
	accountComment = "temporary user of coracle-bench"
	lockDir        = "/run/lock"
)

// account is the user that root measures as.
type account struct {
	name     string
	uid, gid int
	home     string
	ids      []idRange // its own and its subordinate ids
	lock     *os.File
}

type idRange struct{ first, last uint64 }

// openAccount takes a user for this process alone, and makes it if need be.
func openAccount(name string) (*account, error) {
	err := os.MkdirAll(lockDir, 0o755)
	var lock *os.File
	if err == nil {
		lock, err = os.OpenFile(filepath.Join(lockDir, name), os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the benchmark's lock: %w", err)
	}
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		lock.Close()
		return nil, errors.New("another coracle-bench is at work: both would measure each other")
	}
	u, err := makeUser(name)
	if err != nil {
		lock.Close()
		return nil, err
	}
	a := &account{name: name, home: u.HomeDir, lock: lock}
	a.uid, _ = strconv.Atoi(u.Uid)
	a.gid, _ = strconv.Atoi(u.Gid)
	subuid, _ := os.ReadFile("/etc/subuid") // without it there are no such ids
	a.ids = append(subRanges(string(subuid), name, u.Uid), idRange{uint64(a.uid), uint64(a.uid)})
	return a, nil
}

// makeUser takes over what a killed benchmark left, and nobody else's user.
func makeUser(name string) (*user.User, error) {
	u, err := user.Lookup(name)
	if err != nil {
		if err := shadow("useradd", "--create-home", "--comment", accountComment, "--shell", "/bin/sh", name); err != nil {
			return nil, fmt.Errorf("cannot make the user %s: %w", name, err)
		}
		u, err = user.Lookup(name)
	}
	if err == nil && u.Name != accountComment {
		err = fmt.Errorf("there is a user %s that this program did not make", name)
	}
	return u, err
}

// shadow runs a program of the shadow suite, which gives up at once when another
// one has /etc/passwd locked.
func shadow(name string, args ...string) error {
	var out []byte
	var err error
	for range 20 {
		cmd := exec.Command(name, args...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
		if out, err = cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "lock") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// subRanges are the ranges of subuid(5) for a user.
func subRanges(text, name, uid string) []idRange {
	var ranges []idRange
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != name && f[0] != uid {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 == nil && err2 == nil && count > 0 {
			ranges = append(ranges, idRange{first, first + count - 1})
		}
	}
	return ranges
}

func (a *account) owns(uid int) bool {
	return slices.ContainsFunc(a.ids, func(r idRange) bool { return uint64(uid) >= r.first && uint64(uid) <= r.last })
}

// close ends the user's processes and removes it with its home.
func (a *account) close() error {
	defer a.lock.Close()
	if err := a.killAll(); err != nil {
		return err
	}
	err := shadow("userdel", "--remove", a.name)
	return errors.Join(err, os.RemoveAll(a.home))
}

// killAll kills each process of the user by its pid, and reaps what became a
// child of this process: userdel takes a zombie for a process.
func (a *account) killAll() error {
	for range 100 {
		reapAll()
		all, err := processes("/proc")
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(all, func(p process) bool { return !a.owns(p.UID) })
		if len(left) == 0 {
			return nil
		}
		for _, p := range left {
			a.kill(p.PID)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("processes of the user %s do not end", a.name)
}

// kill looks once more who a pid is, while a pidfd keeps it from being another.
func (a *account) kill(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if p, err := readProcess("/proc", pid); err == nil && a.owns(p.UID) {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}
