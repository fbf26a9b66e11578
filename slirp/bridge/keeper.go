package bridge

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
	"coracle/slirp/link"
)

// Keeper switches forwarding on, and off again when the host's device is gone. It is
// a process, because a setting of the kernel's, unlike rules and devices, goes with
// nobody; it is there only where forwarding was off, and holds a lock on a file as
// long as it is. What it has changed is in a record before it is changed: when it is
// killed, the next who has the power puts it back, or goes on.
type Keeper struct {
	// Dir is the directory of run-time files, only the caller's.
	Dir string
	// Six says that IPv6 is meant, too.
	Six bool
}

// Names of files. Those of settings have the number of the network namespace that
// they are about in their name.
const (
	recordName = "forwarding-%d.json"
	keeperName = "forwarding-%d.lock"
	lockName   = "bridge.lock"
	// maxRecord bounds the record, in bytes: two settings for each of 4,096 devices.
	maxRecord = 1 << 20
)

// own is a name for the network namespace of the calling thread.
func own(name string) string {
	var st unix.Stat_t
	_ = unix.Stat("/proc/thread-self/ns/net", &st) // without /proc there are no settings
	return fmt.Sprintf(name, st.Ino)
}

// path is where the record is.
func (k Keeper) path() string { return filepath.Join(k.Dir, own(recordName)) }

// Lock keeps others from making and removing what the host has of the network until
// the file is closed.
func Lock(dir string) (*os.File, error) { return lock(dir, lockName, unix.LOCK_EX) }

func lock(dir, name string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(int(f.Fd()), how)
	}
	if err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return f, nil
}

// Needed tells whether forwarding is off somewhere, or was, and nobody keeps it. It
// is asked under [Lock], as Sweep is.
func (k Keeper) Needed() (bool, error) {
	f, err := lock(k.Dir, own(keeperName), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if k.Left() {
		return true, nil
	}
	list, err := devices()
	if err != nil {
		return false, err
	}
	// Those that are still to come begin as "default" says.
	names := append(slices.Collect(maps.Values(list)), "default")
	return len(off(names, k.Six)) > 0, nil
}

// Left tells whether something is kept, or waits to be put back.
func (k Keeper) Left() bool {
	_, err := os.Lstat(k.path())
	return err == nil
}

// Sweep puts back what a keeper left that was killed, when the device is gone.
func (k Keeper) Sweep() error {
	if !k.Left() {
		return nil
	}
	f, err := lock(k.Dir, own(keeperName), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return nil // it is kept
	}
	defer f.Close()
	if there, err := exists(); there || err != nil {
		return err
	}
	return k.restore()
}

// Keep does it: it calls ready when packets are forwarded, or when that failed, and
// returns when the device is gone and everything is as it was.
func (k Keeper) Keep(ready func(error)) (err error) {
	told := false
	defer func() {
		if !told {
			ready(err)
		}
	}()
	f, err := lock(k.Dir, own(keeperName), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return fmt.Errorf("another keeps forwarding: %w", err)
	}
	defer f.Close()
	events, err := listen() // before anything is looked at
	if err != nil {
		return err
	}
	defer unix.Close(events)
	rules, err := nft.Dial()
	if err != nil {
		return err
	}
	defer rules.Close()
	w := follower{Keeper: k, rules: rules}
	if err := w.look(); err != nil {
		return errors.Join(err, k.restore())
	}
	told = true
	ready(nil)
	for {
		// The device may be gone before anybody listened.
		if done, err := k.end(f, rules); done || err != nil {
			return err
		}
		if err := wait(events); err != nil {
			return err
		}
		// What fails is tried again at the next event: without this process, what is on
		// would be unguarded.
		_ = w.look()
	}
}

// end puts everything back, unless there is a new device already. Who makes one next
// must find that nobody keeps it.
func (k Keeper) end(kept *os.File, rules *nft.Conn) (done bool, err error) {
	l, err := Lock(k.Dir)
	if err != nil {
		return false, err
	}
	defer l.Close()
	if there, err := exists(); there || err != nil {
		return false, err
	}
	err = k.restore()
	rules.Close()
	kept.Close()
	return true, err
}

// restore puts back what the record says, but for what somebody has switched on for
// the whole of the host meanwhile.
func (k Keeper) restore() error {
	list, err := k.record()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var theirs []string
	list = slices.DeleteFunc(list, func(s Setting) bool {
		if s.device() != "all" {
			return false
		}
		if !isOff(s.Path) {
			theirs = append(theirs, filepath.Dir(filepath.Dir(s.Path)))
		}
		return true
	})
	list = slices.DeleteFunc(list, func(s Setting) bool { return slices.Contains(theirs, filepath.Dir(filepath.Dir(s.Path))) })
	err = errors.Join(err, write(list, func(s Setting) string { return s.Value }))
	return errors.Join(err, os.Remove(k.path()))
}

// exists tells whether the host has the device.
func exists() (bool, error) {
	c, err := link.Dial()
	if err != nil {
		return false, err
	}
	defer c.Close()
	_, err = c.Index(Device)
	if errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	return err == nil, err
}
