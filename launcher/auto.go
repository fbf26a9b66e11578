package launcher

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/storage"
	"coracle/userns"
)

// autoFact is the fact of a container with --userns auto: the base ids that are
// its own for as long as it lives, as JSON.
const autoFact = "auto.json"

// autoRecord is the content of autoFact.
type autoRecord struct{ UIDs, GIDs userns.IDMap }

// autoLock is a file beside the containers. Whoever chooses ids holds it until
// the container that has them can be seen.
const autoLock = "auto.lock"

func (l *launch) isAuto() bool {
	mode, _, _ := strings.Cut(l.options.Userns, ":")
	return mode == "auto"
}

// takenIDs are the maps of live containers with --userns auto. No others choose
// ids until l.reserved is closed.
func (l *launch) takenIDs() (taken []userns.Maps, err error) {
	if !l.isAuto() {
		return nil, nil
	}
	if !l.options.Explain {
		if l.reserved, err = lockFile(filepath.Join(l.paths.Data, autoLock)); err != nil {
			return nil, err
		}
	}
	all, err := storage.Containers{Data: l.paths.Data}.List()
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		b, err := d.ReadFact(autoFact)
		if err != nil {
			continue // without the fact it is no such container, or gone
		}
		if alive, err := d.Alive(); err == nil && !alive {
			continue
		}
		var r autoRecord
		if err := json.Unmarshal(b, &r); err != nil {
			return nil, fmt.Errorf("cannot tell which ids container %s has: %w\n  fix: coracle rm -f %s", d.ID[:12], err, d.ID[:12])
		}
		taken = append(taken, userns.Maps{UIDs: r.UIDs, GIDs: r.GIDs})
	}
	return taken, nil
}

// autoFacts are what others learn the chosen ids from.
func (l *launch) autoFacts() ([]storage.Fact, error) {
	if !l.isAuto() {
		return nil, nil
	}
	b, err := json.Marshal(autoRecord{l.maps.UIDs, l.maps.GIDs})
	return []storage.Fact{{Name: autoFact, Data: append(b, '\n')}}, err
}

// lockFile waits for the lock on a file, which it makes. Closing it unlocks.
func lockFile(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := retry(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) }); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return f, nil
}
