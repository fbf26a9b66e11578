package userns

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// cause is a reason for a failure and what mends it.
type cause struct {
	found bool
	is    error  // the sentinel
	why   string // why, after the sentinel; may be ""
	fix   string
}

// pick returns the first cause that was found as an error about what.
func pick(what string, err error, causes []cause) error {
	for _, c := range causes {
		if !c.found {
			continue
		}
		if c.why != "" {
			c.why = ": " + c.why
		}
		return fmt.Errorf("%s: %w%s\n  fix: %s", what, c.is, c.why, c.fix)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// explainHelper says why newuidmap or newgidmap failed. The causes stand in
// the order of certainty: what the helper says itself, then what keeps any
// setuid program from working, then guesses.
func (h host) explainHelper(g Grant, run *helper, err error) error {
	k := run.kind
	what := fmt.Sprintf("cannot map %ss of %q", k.name, g.User)
	if errors.Is(err, exec.ErrNotFound) {
		return pick(what, err, []cause{{true, ErrNoHelper, k.helper,
			"sudo apt install uidmap   (Fedora, RHEL: shadow-utils; Alpine: shadow-subids; Arch, SUSE: shadow)"}})
	}
	file, statErr := h.stat(run.path)
	known := statErr == nil
	said := func(words string) bool { return strings.Contains(run.message, words) }
	return pick(what, err, []cause{
		{said("not allowed"), ErrRefused, run.message,
			fmt.Sprintf("compare %s with what %s reads: getsubids %s; getsubids -g %s", k.source(g), k.helper, shellWord(g.User), shellWord(g.User))},
		{said("owned by a different user"), ErrRefused, run.message,
			fmt.Sprintf("run with the primary group of %q (not inside newgrp or sg) and a readable program file", g.User)},
		{said("Cannot determine your user name"), ErrRefused, run.message,
			fmt.Sprintf("make uid %d known: getent passwd %d", g.UID, g.UID)},
		{h.noNewPrivs(), ErrNoNewPrivs, k.helper + " has no power in this process",
			"start this outside of what set it: systemd NoNewPrivileges=, docker --security-opt no-new-privileges, snap, bwrap"},
		{known && !file.setuid && !file.caps, ErrNoPrivilege, run.path + " has neither a setuid bit of root nor file capabilities",
			fmt.Sprintf("sudo chmod u+s %s   (or: sudo setcap %s+ep %s)", run.path, k.capName, run.path)},
		{known && file.nosuid, ErrNoSuid, run.path,
			fmt.Sprintf(`sudo mount -o remount,suid "$(findmnt -nT %s -o TARGET)"`, run.path)},
		{!h.bounding(k.cap), ErrNoCapability, strings.ToUpper(k.capName) + " is in nobody's reach here (bounding set)",
			"start the outer container with --cap-add SETUID,SETGID"},
		h.appArmor(),
	})
}

// explainWrite says why a write to /proc/PID/setgroups or a map failed.
func (h host) explainWrite(g Grant, err error) error {
	what := fmt.Sprintf("cannot map ids of %q", g.User)
	needs := uint64(mapCaps)
	if !g.Direct {
		needs = 1 << capSetFCap // and that only to map host id 0
	}
	root := g.Direct || g.UID == 0
	refused := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
	return pick(what, err, []cause{
		{errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH), err, "the process is gone", "look for what ended it (dmesg)"},
		{refused && root && h.effective()&needs != needs, ErrNoCapability, missingCaps(h.effective() | mapCaps&^needs),
			"start the outer container with --cap-add SETUID,SETGID,SETFCAP"},
		only(refused, h.appArmor),
		{errors.Is(err, unix.EACCES), err, "the process is not dumpable, its files in /proc belong to root", "make the program's file readable"},
		{errors.Is(err, unix.EPERM), err, "the namespace has a map already, or the kernel forbids it", "coracle doctor"},
	})
}

// ExplainClone says why the kernel refused a new user namespace: err is that
// of clone(2) or unshare(2). The result is still err for errors.Is.
func ExplainClone(err error) error { return thisHost().explainClone(err) }

func (h host) explainClone(err error) error {
	refused := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
	full := errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EUSERS)
	both := func(sentinel error) error { return fmt.Errorf("%w: %w", sentinel, err) }
	return pick("cannot create a user namespace", err, []cause{
		{(full || refused) && h.sysctl("user/max_user_namespaces") == "0", both(ErrDisabled), "user.max_user_namespaces is 0",
			"echo user.max_user_namespaces=15000 | sudo tee /etc/sysctl.d/90-userns.conf && sudo sysctl --system"},
		// A supervisor asks for both at once.
		{full && h.sysctl("user/max_mnt_namespaces") == "0", both(ErrDisabled), "user.max_mnt_namespaces is 0",
			"echo user.max_mnt_namespaces=15000 | sudo tee /etc/sysctl.d/90-userns.conf && sudo sysctl --system"},
		{full, both(ErrDisabled), "too many, or nested more than 32 deep",
			"end what holds them (lsns -t user), or: sudo sysctl -w user.max_user_namespaces=15000"},
		{refused && h.sysctl("kernel/unprivileged_userns_clone") == "0", both(ErrDisabled), "kernel.unprivileged_userns_clone is 0",
			"echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/90-userns.conf && sudo sysctl --system"},
		only(refused, func() cause { c := h.appArmor(); c.is = both(ErrAppArmor); return c }),
		{refused && h.confinement() != "", both(ErrAppArmor), "this program runs in the AppArmor profile " + h.confinement(),
			"start it from an unconfined shell, or let the profile have userns and capabilities: coracle doctor"},
		{refused, err, "the seccomp filter of an outer container, or a chroot, forbids it",
			"start the outer container with --security-opt seccomp=unconfined"},
		{errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS), both(ErrDisabled), "the kernel is older than 5.12, was built without, or a filter hides clone3",
			"zgrep CONFIG_USER_NS /proc/config.gz; uname -r"},
	})
}

// only asks for a cause that is dear to find when it can be one.
func only(when bool, ask func() cause) cause {
	if !when {
		return cause{}
	}
	return ask()
}
