package launcher

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// inNetns calls f on a thread in the network namespace of --network ns:PATH, or as
// it is without one: what f clones is there, too. The thread stays, and stays there,
// since children follow its death and it might not be allowed back.
func inNetns(path string, f func() error) error {
	if path == "" {
		return f()
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open the network namespace %s: %w\n  fix: ip netns list, or /proc/PID/ns/net of a process", path, err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Setns(fd, unix.CLONE_NEWNET)
		unix.Close(fd)
		if err != nil {
			runtime.UnlockOSThread()
			done <- noPower(path, err)
			return
		}
		done <- f()
		select {}
	}()
	return <-done
}

// noPower explains why a namespace cannot be entered.
func noPower(path string, err error) error {
	switch {
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s is not a network namespace: %w\n  fix: ip netns list, or /proc/PID/ns/net of a process", path, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("cannot enter the network namespace %s: it belongs to a user namespace in which you have no power: %w\n"+
			"  fix: --network container:NAME for a container's, or enter that user namespace first: nsenter -t PID -U coracle run …", path, err)
	}
	return fmt.Errorf("cannot enter the network namespace %s: %w", path, err)
}
