package processes

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Stopped tells whether a process stands still: none of its threads will execute
// another instruction of the program until somebody sends SIGCONT. One that has
// ended stands, too. A thread in the middle of an uninterruptible system call (a
// disk that does not answer, a vfork(2) whose child stands) stops when it leaves
// that, and counts as standing when the process has been told to.
func Stopped(pid int) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	tasks, err := os.ReadDir(dir + "task")
	if err != nil {
		return true
	}
	told, waiting := false, false
	for _, task := range tasks {
		b, err := os.ReadFile(dir + "task/" + task.Name() + "/stat")
		if err != nil {
			continue
		}
		switch state(string(b)) {
		case 'T':
			told = true
		case 't', 'Z', 'X': // traced and stopped, ended
		case 'D':
			waiting = true
		default:
			return false
		}
	}
	if !waiting || told {
		return true
	}
	b, err := os.ReadFile(dir + "status")
	return err != nil || pending(string(b), unix.SIGSTOP)
}

// state is the letter of the state in /proc/PID/stat, 0 if there is none.
func state(stat string) byte {
	rest := stat[strings.LastIndexByte(stat, ')')+1:]
	if len(rest) < 2 || rest[0] != ' ' || !strings.Contains(stat, ")") {
		return 0
	}
	return rest[1]
}

// pending tells whether a signal to the process waits, of what /proc/PID/status
// says.
func pending(status string, sig unix.Signal) bool {
	for line := range strings.Lines(status) {
		if mask, ok := strings.CutPrefix(line, "ShdPnd:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && n&(1<<(sig-1)) != 0
		}
	}
	return false
}
