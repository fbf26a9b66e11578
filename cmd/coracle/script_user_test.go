package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// account is a user for scripts. Only one script at a time has it, also among
// test runs that happen side by side: whatever runs under its ids is that
// script's.
type account struct {
	name     string
	uid, gid int
	subs     [][2]uint64 // first and last sub-id
	lock     *os.File
	made     bool // by us
}

// owns reports whether a uid is the account's own or one of its sub-ids.
func (a *account) owns(uid uint64) bool {
	for _, r := range a.subs {
		if uid >= r[0] && uid <= r[1] {
			return true
		}
	}
	return uid == uint64(a.uid)
}

// pool hands out accounts of both kinds. Making a user takes a tenth of a
// second, so there are only as many as scripts run at once.
type pool struct {
	mu   sync.Mutex
	idle map[string][]*account // by stem
	all  []*account
}

const (
	userStem  = "coracle-test"
	nosubStem = "coracle-nosub"
	mostUsers = 64
	locks     = "/run/lock/coracle-test"
)

// accounts is the pool of this test run.
var accounts = &pool{idle: map[string][]*account{}}

func (p *pool) take(stem string) (*account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if idle := p.idle[stem]; len(idle) > 0 {
		p.idle[stem] = idle[:len(idle)-1]
		return idle[len(idle)-1], nil
	}
	if os.Geteuid() != 0 {
		return ourselves()
	}
	if err := os.MkdirAll(locks, 0o755); err != nil {
		return nil, err
	}
	for i := 1; i <= mostUsers; i++ {
		name := stem + strconv.Itoa(i)
		f, err := os.OpenFile(filepath.Join(locks, name), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return nil, err
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			f.Close() // of another test run, or taken
			continue
		}
		a := &account{name: name, lock: f}
		if err := a.make(stem == userStem); err != nil {
			f.Close()
			return nil, fmt.Errorf("cannot make user %s: %w", name, err)
		}
		p.all = append(p.all, a)
		return a, nil
	}
	return nil, fmt.Errorf("all %d users %s* are in use", mostUsers, stem)
}

func (p *pool) give(stem string, a *account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.lock != nil {
		p.idle[stem] = append(p.idle[stem], a)
	}
}

// close deletes the users that were made.
func (p *pool) close() {
	for _, a := range p.all {
		if a.made {
			if out, err := retry("userdel", a.name); err != nil {
				fmt.Fprintf(os.Stderr, "userdel %s: %v: %s", a.name, err, out)
			}
		}
		a.lock.Close()
	}
}

// ourselves is who runs the scripts when root does not run the tests.
func ourselves() (*account, error) {
	u, err := user.Current()
	if err != nil {
		return nil, err
	}
	return &account{name: u.Username, uid: os.Getuid(), gid: os.Getgid()}, nil
}

// make finds or makes the user. System users get no sub-ids: useradd(8).
func (a *account) make(subs bool) error {
	u, err := user.Lookup(a.name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		args := []string{"--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/sh", "--user-group"}
		if !subs {
			args = append(args, "--system")
		}
		if out, err := retry("useradd", append(args, a.name)...); err != nil {
			return fmt.Errorf("useradd: %w: %s", err, out)
		}
		a.made = true
		u, err = user.Lookup(a.name)
	}
	if err != nil {
		return err
	}
	a.uid, _ = strconv.Atoi(u.Uid)
	a.gid, _ = strconv.Atoi(u.Gid)
	for _, path := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		a.subs = append(a.subs, subRanges(string(text), a.name, u.Uid)...)
	}
	if subs != (len(a.subs) > 0) {
		return fmt.Errorf("it has %d ranges of sub-ids: see SUB_UID_COUNT in /etc/login.defs", len(a.subs))
	}
	return nil
}

func subRanges(text, name, uid string) (ranges [][2]uint64) {
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != name && f[0] != uid {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 == nil && err2 == nil && count > 0 {
			ranges = append(ranges, [2]uint64{first, first + count - 1})
		}
	}
	return ranges
}

// retry runs a program of the shadow suite, which fails when another one has
// /etc/passwd locked.
func retry(name string, args ...string) (out []byte, err error) {
	for range 20 {
		cmd := exec.Command(name, args...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
		if out, err = cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "lock") {
			return out, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return out, err
}

func TestSubRanges(t *testing.T) {
	got := subRanges("ana:100000:65536\nbob:1:2\n1000:5:1\nana:x:1\nana:7:0\n", "ana", "1000")
	if len(got) != 2 || got[0] != [2]uint64{100000, 165535} || got[1] != [2]uint64{5, 5} {
		t.Error(got)
	}
	a := &account{uid: 1000, subs: got}
	for uid, want := range map[uint64]bool{1000: true, 5: true, 100000: true, 165535: true, 165536: false, 0: false} {
		if a.owns(uid) != want {
			t.Errorf("owns %d is %v", uid, !want)
		}
	}
}
