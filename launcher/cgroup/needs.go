package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ErrNotDelegated says that a limit needs a controller that this user does not have.
var ErrNotDelegated = errors.New("controller is not delegated")

// ErrUnsupported says that a limit does not exist in this version of cgroups.
var ErrUnsupported = errors.New("limit does not exist here")

// DropIn is the file by which systemd delegates controllers to users' managers.
const DropIn = "/etc/systemd/system/user@.service.d/delegate.conf"

// need is a controller and the flag that needs it.
type need struct{ controller, flag string }

// needs lists the controllers behind limits. One that says "no limit" needs none.
func needs(r *specs.LinuxResources) (all []need) {
	add := func(on bool, controller, flag string) {
		if on {
			all = append(all, need{controller, flag})
		}
	}
	if r == nil {
		return nil
	}
	if m := r.Memory; m != nil {
		add(limited(m.Limit), "memory", "--memory")
		add(limited(m.Swap), "memory", "--memory-swap")
		add(limited(m.Reservation), "memory", "--memory-reservation")
		add(m.Swappiness != nil, "memory", "--memory-swappiness")
		add(m.DisableOOMKiller != nil, "memory", "--oom-kill-disable")
	}
	if c := r.CPU; c != nil {
		add(limited(c.Quota), "cpu", "--cpus")
		add(c.Quota == nil && c.Period != nil, "cpu", "--cpu-period")
		add(c.Shares != nil, "cpu", "--cpu-shares")
		add(c.Cpus != "", "cpuset", "--cpuset-cpus")
		add(c.Mems != "", "cpuset", "--cpuset-mems")
	}
	if r.Pids != nil {
		add(limited(r.Pids.Limit), "pids", "--pids-limit")
	}
	if b := r.BlockIO; b != nil {
		add(b.Weight != nil, "io", "--blkio-weight")
		add(b.WeightDevice != nil, "io", "--blkio-weight-device")
		add(b.ThrottleReadBpsDevice != nil, "io", "--device-read-bps")
		add(b.ThrottleWriteBpsDevice != nil, "io", "--device-write-bps")
		add(b.ThrottleReadIOPSDevice != nil, "io", "--device-read-iops")
		add(b.ThrottleWriteIOPSDevice != nil, "io", "--device-write-iops")
	}
	return all
}

func limited(n *int64) bool { return n != nil && *n >= 0 }

// Limits says whether there is a limit to enforce at all.
func Limits(r *specs.LinuxResources) bool { return len(needs(r)) > 0 }

// Allows finds the first limit that cannot be enforced on this host. Errors:
// [ErrNotDelegated], [ErrUnsupported].
func (h *Host) Allows(r *specs.LinuxResources) error {
	for _, n := range needs(r) {
		if h.Way == None {
			return &Refused{Kind: ErrNotDelegated, Flag: n.flag, Why: h.Why, Fix: h.Fix}
		}
		if !slices.Contains(h.Delegated, n.controller) {
			return h.lacks(n)
		}
	}
	if h.Way != V1 && r != nil && r.Memory != nil {
		return onlyV1(r.Memory)
	}
	return nil
}

func onlyV1(m *specs.LinuxMemory) error {
	const why = "cgroup version 2 has no such limit"
	if m.Swappiness != nil {
		return &Refused{Kind: ErrUnsupported, Flag: "--memory-swappiness", Why: why, Fix: "--memory-swap, which bounds how much is swapped out"}
	}
	if m.DisableOOMKiller != nil {
		return &Refused{Kind: ErrUnsupported, Flag: "--oom-kill-disable", Why: why, Fix: "--oom-score-adj -1000 as root, or a higher --memory"}
	}
	return nil
}

// lacks says which controller is missing, and how to get it.
func (h *Host) lacks(n need) error {
	have := strings.Join(h.Delegated, " ")
	if have == "" {
		have = "none"
	}
	e := &Refused{Kind: ErrNotDelegated, Flag: n.flag}
	switch {
	case h.Way == V1:
		e.Why = fmt.Sprintf("no cgroup hierarchy with the %s controller is mounted", n.controller)
		e.Fix = fmt.Sprintf("mount -t cgroup -o %s cgroup /sys/fs/cgroup/%[1]s", v1Name(n.controller))
	case h.Way == Systemd && h.UID != 0:
		e.Why = fmt.Sprintf("the %s controller is not delegated to user@%d.service, which has %s", n.controller, h.UID, have)
		e.Fix = "write these two lines to " + DropIn + ", then log out and in again:\n    [Service]\n    Delegate=" + strings.Join(Controllers(), " ")
	case h.Way == Systemd:
		e.Why = fmt.Sprintf("this kernel has no %s controller in cgroup version 2 (%s)", n.controller, have)
		e.Fix = "cat " + h.Root + "/cgroup.controllers   (a controller that version 1 has is not there)"
	default:
		top := h.chain[len(h.chain)-1]
		e.Why = fmt.Sprintf("the %s controller is not in %s/cgroup.controllers, which has %s", n.controller, top, have)
		e.Fix = fmt.Sprintf("echo +%s | sudo tee %s", n.controller, strings.TrimSuffix(top, "/")+"/../cgroup.subtree_control")
		if top == h.Root {
			e.Fix = "start the outer container with that controller delegated, or mount it in version 2 (it may be in use by version 1)"
		}
	}
	return e
}

func v1Name(controller string) string {
	if controller == "io" {
		return "blkio"
	}
	return controller
}

// Refused is a limit that cannot be enforced.
type Refused struct {
	Kind           error
	Flag, Why, Fix string
}

// Error says why, and what to do about it.
func (e *Refused) Error() string {
	s := e.Flag + " cannot be enforced: " + e.Why
	if e.Fix != "" {
		s += "\n  fix: " + e.Fix
	}
	return s
}

// Unwrap is the kind.
func (e *Refused) Unwrap() error { return e.Kind }
