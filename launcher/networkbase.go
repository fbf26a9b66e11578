package launcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coracle/launcher/containers"
	"coracle/launcher/usernet"
	"coracle/slirp/networks"
)

// errOtherBase says that a container cannot be connected from its base user namespace:
// the members of its network came to be in another one meanwhile.
var errOtherBase = errors.New("the network's members run in another user namespace")

// baseError is [errOtherBase] as the supervisor has said it.
type baseError struct{ text string }

func (e *baseError) Error() string { return e.text }
func (e *baseError) Unwrap() error { return errOtherBase }

// memberError says what can be done where a container cannot be connected.
func memberError(err error) error {
	if errors.Is(err, usernet.ErrOtherBase) {
		return &baseError{err.Error() + "\n  fix: run the command again"}
	}
	return fmt.Errorf("cannot connect the container: %w", err)
}

// mostBases bounds how often a launch is tried that finds its networks in another
// base user namespace than its own. The first time it happens is when two containers
// are the first of a user at the same moment.
const mostBases = 3

// networkBase opens the base user namespace of the members of the networks that the
// container is to be in: only there has it power over them. It is nil when they have
// none.
func (l *launch) networkBase() *os.File {
	list, err := l.options.Attachments()
	if err != nil {
		return nil
	}
	for _, a := range list {
		n, err := networks.Store{Dir: filepath.Join(l.paths.Data, networks.DirName)}.Find(a.Network)
		if err != nil {
			continue // it is said later
		}
		members, _ := usernet.Store{Run: l.paths.Run, Data: l.paths.Data}.Members(n.Name)
		for i := range members {
			h := &members[i].Holder
			// As in openBase: the start time is compared after opening.
			f, err := l.grant.OpenNamespace(h.PID)
			if err == nil && containers.StartTime(h.PID) == h.Start {
				return f
			}
			if err == nil {
				f.Close()
			}
		}
	}
	return nil
}
