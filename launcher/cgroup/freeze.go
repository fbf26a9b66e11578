package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoFreezer says that a group cannot be frozen: there is no version 1 freezer,
// and a kernel before 5.2 has none in version 2.
var ErrNoFreezer = errors.New("the control group has no freezer")

const (
	freezeFile = "cgroup.freeze" // version 2
	stateFile  = "freezer.state" // version 1
	eventsFile = "cgroup.events"
)

// freezeWait bounds how long it may take until all processes of a group stand: one
// that waits for a disk does not stop before that has answered.
const freezeWait = 10 * time.Second

// Freezer is the directory with which the group can be frozen, and only the group:
// see [Freeze]. In a hybrid hierarchy version 1 has it.
func (g Group) Freezer() (dir string, ok bool) {
	if dir, ok = g.V1["freezer"]; ok {
		return dir, true
	}
	if g.Unified == "" {
		return "", false
	}
	_, err := os.Lstat(filepath.Join(g.Unified, freezeFile))
	return g.Unified, err == nil
}

// Freeze stops all processes of the group with that directory and of those below,
// and returns when they stand. If they do not within seconds, it lets them go on.
func Freeze(dir string) error {
	v2, err := version(dir)
	if err != nil {
		return err
	}
	if err := write(dir, v2, true); err != nil {
		return err
	}
	pause := 100 * time.Microsecond
	for deadline := time.Now().Add(freezeWait); ; pause = min(2*pause, 10*time.Millisecond) {
		done, err := Frozen(dir)
		if err != nil || done {
			return err
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("some processes did not stop within %v: they wait for a disk, or for the kernel\n  fix: try again later", freezeWait), write(dir, v2, false))
		}
		time.Sleep(pause)
		if !v2 {
			// A process that was forked meanwhile may hold version 1 in FREEZING until it is
			// asked again (freezer-subsystem.rst).
			if err := write(dir, v2, true); err != nil {
				return err
			}
		}
	}
}

// Thaw lets the processes of the group go on. A group that is gone is no error.
func Thaw(dir string) error {
	v2, err := version(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return write(dir, v2, false)
}

// Frozen says whether all processes of the group stand because they were frozen
// there or above. Errors: [ErrNoFreezer]; fs.ErrNotExist when the group is gone.
func Frozen(dir string) (bool, error) {
	v2, err := version(dir)
	if err != nil {
		return false, err
	}
	name := stateFile
	if v2 {
		name = eventsFile
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return false, err
	}
	if v2 {
		return keyed(string(text), "frozen") == 1, nil
	}
	return strings.TrimSpace(string(text)) == "FROZEN", nil
}

// version tells by which file a group is frozen.
func version(dir string) (v2 bool, err error) {
	for name, v2 := range map[string]bool{freezeFile: true, stateFile: false} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return v2, nil
		}
	}
	if _, err := os.Lstat(dir); err != nil {
		return false, err
	}
	return false, fmt.Errorf("%w: %s", ErrNoFreezer, dir)
}

func write(dir string, v2, frozen bool) error {
	name, words := stateFile, map[bool]string{true: "FROZEN", false: "THAWED"}
	if v2 {
		name, words = freezeFile, map[bool]string{true: "1", false: "0"}
	}
	// No O_CREAT: a directory that is no control group must not become one's image.
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(words[frozen])
	return errors.Join(err, f.Close())
}
