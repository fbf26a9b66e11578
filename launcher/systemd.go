package launcher

import (
	"errors"
	"fmt"

	"coracle/launcher/cgroup"
)

// errNoSystemd says that systemd cannot be process 1 of a container here.
var errNoSystemd = errors.New("--systemd always: systemd cannot run in a container here")

// systemdNeeds refuses --systemd always where systemd would only say "Failed to
// allocate manager object" and stop: it must make cgroups, of version 2 and its own.
func (l *launch) systemdNeeds() error {
	if !l.options.NeedsSystemd() || l.place != nil && l.place.Way != cgroup.V1 {
		return nil
	}
	const others = "\n  or:  another first process, such as supervisord: it needs no cgroup"
	if l.place != nil {
		return fmt.Errorf("%w: cgroups of version 1 cannot be handed to a container\n  fix: add systemd.unified_cgroup_hierarchy=1 to the kernel command line and reboot%s", errNoSystemd, others)
	}
	h := l.groupHost()
	return fmt.Errorf("%w: no cgroup of its own can be made for it: %s\n  fix: %s%s", errNoSystemd, h.Why, h.Fix, others)
}
