package containers

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// NamespaceTypes are the types of namespaces, by the names of their files in
// /proc/PID/ns (namespaces(7)).
func NamespaceTypes() []string {
	return []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"}
}

// Namespaces are the inodes of a process's namespaces by type; pid 0 is the
// caller. What cannot be told is left out.
func Namespaces(pid int) map[string]uint64 {
	dir := "/proc/self/ns/"
	if pid != 0 {
		dir = "/proc/" + strconv.Itoa(pid) + "/ns/"
	}
	m := make(map[string]uint64)
	for _, kind := range NamespaceTypes() {
		var st unix.Stat_t
		if unix.Stat(dir+kind, &st) == nil {
			m[kind] = st.Ino
		}
	}
	return m
}
