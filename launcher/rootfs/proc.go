package rootfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// parentOf is field 4 of /proc/PID/stat (proc_pid_stat(5)), 0 when unknown: of a
// container's first process, its supervisor.
func parentOf(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	s := string(data)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}
