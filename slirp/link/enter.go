package link

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// In calls f in the network namespace ns, by a thread that ends there: it could
// not come back without one more call that may fail. It needs CAP_SYS_ADMIN in
// the caller's user namespace and in that which owns ns.
func In(ns int, f func(c *Conn) error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("cannot enter a network namespace: %w", err)
			}
			c, err := Dial()
			if err != nil {
				return err
			}
			defer c.Close()
			return f(c)
		}()
	}()
	return <-done
}

// New makes a network namespace, owned by the user namespace of the caller, who
// needs CAP_SYS_ADMIN there, and calls f in it. The descriptor, close-on-exec,
// keeps it.
func New(f func(c *Conn) error) (ns int, err error) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("cannot make a network namespace: %w", err)
			}
			c, err := Dial()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := f(c); err != nil {
				return err
			}
			if ns, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
				return fmt.Errorf("cannot open the network namespace: %w", err)
			}
			return nil
		}()
	}()
	if err := <-done; err != nil {
		return -1, err
	}
	return ns, nil
}
