package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// blocked is what to say of a feature whose trial did not even start.
func blocked(o outcome) finding {
	return lacks(fmt.Sprintf("cannot be tried (%s)", o.errno()), "mend the user namespace first")
}

// limits reads user.max_*_namespaces. They are counted per user, and a nested
// container's limit is the lowest on the way to the host, so a number above
// zero promises nothing; the trials do.
func limits(_ context.Context, e *exam) finding {
	var seen, closed []string
	for _, kind := range []string{"user", "mnt", "pid", "net", "uts", "ipc", "cgroup"} {
		text, err := e.ReadFile("/proc/sys/user/max_" + kind + "_namespaces")
		if err != nil {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			continue
		}
		seen = append(seen, fmt.Sprintf("%s %d", kind, n))
		if n == 0 {
			closed = append(closed, kind)
		}
	}
	switch {
	case closed != nil:
		return lacks("no new namespaces of kind "+strings.Join(closed, ", "), raise(closed...))
	case seen == nil:
		return weak("/proc/sys/user cannot be read", "")
	}
	return works(strings.Join(seen, ", "))
}

// raise is the command that lifts the limit of namespaces, now and for good.
func raise(kinds ...string) string {
	var lines []string
	for _, kind := range kinds {
		lines = append(lines, "user.max_"+kind+"_namespaces = 28633")
	}
	return sysctl(lines...)
}

func userNamespace(_ context.Context, e *exam) finding {
	if e.bare.err != nil {
		return e.noUserNamespace(e.bare.errno())
	}
	const restricted = "made, but without capabilities (%s): a security module restricts them"
	if e.unshare.err != nil {
		if n := e.unshare.errno(); n != unix.EPERM && n != unix.EACCES {
			return lacks("made, but not usable: "+e.unshare.err.Error(), "")
		}
		return lacks(fmt.Sprintf(restricted, "id map: "+e.unshare.errno().Error()), e.profile())
	}
	// A security module may let a namespace be made, and its map be written by
	// its maker, and refuse every capability in it.
	if s := e.unshare.step("mnt"); s.Err == unix.EPERM || s.Err == unix.EACCES {
		return lacks(fmt.Sprintf(restricted, "mnt: "+s.Err.Error()), e.profile())
	}
	if s := e.unshare.step("capability"); s.Err != 0 && e.unshare.step("uts").Err == 0 {
		return lacks(fmt.Sprintf(restricted, "sethostname: "+s.Err.Error()), e.profile())
	}
	return works("can be made, and gives capabilities")
}

// noUserNamespace explains why clone(2) with CLONE_NEWUSER failed. The
// switches are read only here, to tell causes with the same errno apart.
func (e *exam) noUserNamespace(n unix.Errno) finding {
	refused := "cannot be made: " + n.Error()
	switch n {
	case unix.ENOSPC, unix.EUSERS:
		return lacks(refused+" (user.max_user_namespaces, or 32 levels deep)", raise("user"))
	case unix.ENOSYS, unix.EINVAL:
		return lacks(refused, "boot a kernel with CONFIG_USER_NS=y")
	case unix.EACCES:
		return lacks(refused+": a security module refuses", e.profile())
	}
	if e.sysctl("kernel/unprivileged_userns_clone") == "0" {
		return lacks(refused+" (kernel.unprivileged_userns_clone is 0)",
			sysctl("kernel.unprivileged_userns_clone = 1"))
	}
	if r := e.sysctl("kernel/apparmor_restrict_unprivileged_userns"); r != "" && r != "0" {
		return lacks(refused+" (AppArmor restricts user namespaces)", e.profile())
	}
	return lacks(refused+": a seccomp filter, a security module or a chroot forbids it",
		"in an outer container: start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined, or allow clone and unshare in its profile")
}

// sysctl is the value of a file under /proc/sys, "" when it is not there.
func (e *exam) sysctl(name string) string {
	text, err := e.ReadFile("/proc/sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func namespaces(_ context.Context, e *exam) finding {
	if e.unshare.err != nil {
		return blocked(e.unshare)
	}
	var made, bad, full []string
	for _, ns := range unsharing() {
		if ns.name == "time" {
			continue
		}
		switch s := e.unshare.step(ns.name); s.Err {
		case 0:
			made = append(made, ns.name)
		case unix.ENOSPC:
			full = append(full, ns.name)
			fallthrough
		default:
			bad = append(bad, fmt.Sprintf("%s (%s)", ns.name, s.Err))
		}
	}
	switch {
	case full != nil:
		return lacks("cannot be made: "+strings.Join(bad, ", "), raise(full...))
	case bad != nil:
		return lacks("cannot be made: "+strings.Join(bad, ", "), "boot a kernel with these namespaces, or allow them in the outer container")
	}
	return works(strings.Join(made, ", "))
}

func timeNamespace(_ context.Context, e *exam) finding {
	if e.unshare.err != nil {
		return blocked(e.unshare)
	}
	if s := e.unshare.step("time"); s.Err != 0 {
		return lacks("cannot be made: "+s.Err.Error(), "")
	}
	return works("can be made")
}

// procMount also tries the other file systems of the kernel that each
// container mounts anew.
func procMount(_ context.Context, e *exam) finding {
	if e.mounts.err != nil {
		return blocked(e.mounts)
	}
	var made, bad []string
	for _, name := range []string{"proc", "sysfs", "mqueue", "devpts", "tmpfs"} {
		if s := e.mounts.step(name); s.Err != 0 {
			bad = append(bad, fmt.Sprintf("%s (%s)", name, s.Err))
		} else {
			made = append(made, name)
		}
	}
	switch {
	case bad == nil:
		return works("can be mounted: " + strings.Join(made, ", "))
	case e.mounts.step("proc").Err == unix.EPERM || e.mounts.step("sysfs").Err == unix.EPERM:
		// An outer container covers parts of /proc, and the kernel does not let
		// a nested one see what is covered.
		return lacks("cannot be mounted: "+strings.Join(bad, ", ")+": parts of the outer one are masked",
			"start the outer container with --security-opt systempaths=unconfined (docker), --security-opt unmask=ALL (podman) or procMount: Unmasked (Kubernetes)")
	}
	return lacks("cannot be mounted: "+strings.Join(bad, ", "), "")
}
