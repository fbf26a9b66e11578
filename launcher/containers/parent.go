package containers

import (
	"os"
	"strconv"
	"strings"
)

// Parent is field 4 of /proc/PID/stat (proc_pid_stat(5)), 0 when unknown: of a
// container's first process, its supervisor.
func Parent(pid int) int {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}
