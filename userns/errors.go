package userns

import "errors"

// Every error of this package is one of these (errors.Is), or an error of the
// operating system. The messages around them say on what, why, and, after
// "fix:", what to type next.
var (
	// ErrBadMap is a map the kernel would refuse: empty, overlapping, too long,
	// or not readable as one.
	ErrBadMap = errors.New("bad id map")
	// ErrBadRequest is a --userns, --uidmap or --gidmap that cannot be read.
	ErrBadRequest = errors.New("bad user namespace request")
	// ErrConflict is a combination of flags that contradict each other.
	ErrConflict = errors.New("contradictory user namespace flags")
	// ErrTooFew is a request for more ids than the user has.
	ErrTooFew = errors.New("not enough ids")

	// ErrNoHelper is newuidmap or newgidmap not being installed.
	ErrNoHelper = errors.New("helper not found")
	// ErrNoPrivilege is a helper without setuid bit and file capabilities.
	ErrNoPrivilege = errors.New("helper has no privilege")
	// ErrNoSuid is a helper on a file system mounted nosuid.
	ErrNoSuid = errors.New("helper is on a nosuid file system")
	// ErrNoNewPrivs is no_new_privs set on this process: setuid bits and file
	// capabilities have no effect, prctl(2).
	ErrNoNewPrivs = errors.New("no_new_privs is set")
	// ErrNoCapability is a capability missing that only whoever started this
	// process could have left it.
	ErrNoCapability = errors.New("capability missing")
	// ErrRefused is a helper that does not grant the range.
	ErrRefused = errors.New("range not allowed")
	// ErrAppArmor is kernel.apparmor_restrict_unprivileged_userns, Ubuntu's
	// restriction of user namespaces to programs that have a profile.
	ErrAppArmor = errors.New("restricted by AppArmor")
	// ErrDisabled is user namespaces switched off or used up.
	ErrDisabled = errors.New("user namespaces are not available")

	// ErrNotProcfs is a /proc that is not what it should be.
	ErrNotProcfs = errors.New("/proc is not usable")
	// ErrOtherMap is a process whose user namespace is not the base namespace of
	// the grant.
	ErrOtherMap = errors.New("its user namespace has other id maps")
)
