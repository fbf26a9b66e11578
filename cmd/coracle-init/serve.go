package main

import (
	"os"
	"syscall"
)

// forward passes signals on. SIGCHLD is about our own children. SIGURG the Go
// runtime sends to itself, now and then; its default is to do nothing. SIGPROF
// and 32 to 34, which are for a process's own timers and threads, Go keeps.
func forward(signals <-chan os.Signal, pid int) {
	for received := range signals {
		if received != syscall.SIGCHLD && received != syscall.SIGURG {
			_ = syscall.Kill(pid, received.(syscall.Signal))
		}
	}
}

// reap waits for every child, the command and those whose parents are gone, until
// the command has ended, and returns its status.
func reap(command int) int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			fail(exitFailed, "cannot wait for the command: "+err.Error())
		case pid != command:
		case status.Signaled():
			return 128 + int(status.Signal())
		case status.Exited():
			return status.ExitStatus()
		}
	}
}
