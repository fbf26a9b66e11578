package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// start runs the command as a process group of its own, so that what the
// terminal sends arrives once, and in the foreground if there is a terminal.
func start(args []string) int {
	path, err := find(args[0], os.Getenv("PATH"))
	if err != nil {
		refuse(args[0], err)
	}
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		refuse(args[0], err)
	}
	if foreground(pid) {
		// The command may have been quick, and been stopped for reading from
		// the terminal in the background. Continuing also discards a stop
		// that is still to come.
		_ = syscall.Kill(-pid, syscall.SIGCONT)
	}
	return pid
}

func refuse(command string, err error) {
	status := exitNotExecutable
	if errors.Is(err, fs.ErrNotExist) {
		status = exitNotFound
	}
	fail(status, "cannot execute `"+command+"`: "+err.Error())
}

// find looks a command up as execvp(3) does, but for shell scripts without "#!":
// a file that may not be executed is remembered, and the search goes on.
func find(command, path string) (string, error) {
	if strings.Contains(command, "/") {
		return command, nil // execve says what is wrong
	}
	var result error = syscall.ENOENT
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		name := dir + "/" + command
		var st syscall.Stat_t
		if syscall.Stat(name, &st) != nil || st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
			continue
		}
		const execute = 1 // X_OK
		if syscall.Access(name, execute) == nil {
			return name, nil
		}
		result = syscall.EACCES
	}
	return "", result
}

// foreground gives the terminal to a process group, if standard input is the
// controlling terminal and it is ours to give.
func foreground(group int) bool {
	var current int32
	if ioctl(0, syscall.TIOCGPGRP, &current) != 0 || int(current) != syscall.Getpgrp() {
		return false
	}
	current = int32(group)
	return ioctl(0, syscall.TIOCSPGRP, &current) == 0
}

func ioctl(fd, request uintptr, value *int32) syscall.Errno {
	_, _, err := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(value)))
	return err
}
