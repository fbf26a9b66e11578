package seccomp

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// errno reads an error that a profile gives by name (podman), by number (docker), or by both where
// they agree. It is nil where neither is given.
func errno(name string, number *uint) (*uint, error) {
	if name == "" {
		return number, nil
	}
	e, ok := errnoByName(name)
	if !ok {
		return nil, fmt.Errorf("%w: unknown errno %.32q\n  fix: write it as EPERM, ENOSYS, …", ErrProfile, name)
	}
	if number != nil && *number != e {
		return nil, fmt.Errorf("%w: errno says %s, errnoRet says %d", ErrProfile, name, *number)
	}
	return &e, nil
}

// errnoByName knows errno(3)'s names of amd64 and arm64.
func errnoByName(name string) (uint, bool) {
	switch name { // second names, of which x/sys knows one each
	case "EWOULDBLOCK":
		return uint(unix.EAGAIN), true
	case "EDEADLOCK":
		return uint(unix.EDEADLK), true
	case "ENOTSUP", "EOPNOTSUPP":
		return uint(unix.EOPNOTSUPP), true
	}
	for e := syscall.Errno(1); e <= unix.EHWPOISON; e++ {
		if name != "" && unix.ErrnoName(e) == name { // two numbers have no name
			return uint(e), true
		}
	}
	return 0, false
}
