package userns

import (
	"context"
	"fmt"
	"strconv"
)

// WriteMaps gives the user namespace of process pid, a child that this process
// cloned with CLONE_NEWUSER and that waits, the maps of the grant. It returns
// when both are in place.
//
// A pid of a process that is not a child of this one may name another process
// by the time it is used; nothing here can tell.
//
// The error is one of ErrNoHelper, ErrNoPrivilege, ErrNoSuid, ErrNoNewPrivs,
// ErrNoCapability, ErrRefused, ErrAppArmor, ErrNotProcfs, ErrBadMap, or one of
// the operating system, and says what mends it.
func (g Grant) WriteMaps(ctx context.Context, pid int) error {
	for _, k := range kinds {
		if err := k.of(g).Validate(); err != nil {
			return fmt.Errorf("cannot map %ss of process %d: %w", k.name, pid, err)
		}
	}
	if g.Direct || g.Single {
		return g.writeDirectly(pid)
	}
	return g.runHelpers(ctx, pid)
}

// writeDirectly writes /proc/PID/uid_map and gid_map itself.
func (g Grant) writeDirectly(pid int) error {
	proc, err := openProc()
	if err != nil {
		return fmt.Errorf("cannot map ids: %w", err)
	}
	defer proc.close()
	if err := proc.samePids(); err != nil {
		return fmt.Errorf("cannot map ids: %w", err)
	}
	process := strconv.Itoa(pid)
	if g.Single {
		// Without it an unprivileged gid_map is EPERM: dropping a group that a
		// file's mode locks out would open the file (CVE-2014-8989).
		if err := proc.write(process+"/setgroups", []byte("deny")); err != nil {
			return thisHost().explainWrite(g, err)
		}
	}
	for _, k := range kinds {
		if err := proc.write(process+"/"+k.mapFile, k.of(g).Kernel()); err != nil {
			return thisHost().explainWrite(g, err)
		}
	}
	return nil
}
