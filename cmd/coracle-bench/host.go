package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host is what the figures were measured on.
type Host struct {
	Date   time.Time `json:"date"`
	Kernel string    `json:"kernel"`
	Arch   string    `json:"arch"`
	CPUs   int       `json:"cpus"`
	CPU    string    `json:"cpu,omitempty"`
	Store  string    `json:"store"`       // file system of the image store
	Before string    `json:"load_before"` // load averages of 1, 5 and 15 minutes
	After  string    `json:"load_after"`
}

func lookAround(home string) Host {
	h := Host{Date: time.Now().Truncate(time.Second), Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Before: load(), Store: fileSystem(home)}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		h.CPU = cpuModel(string(text))
	}
	return h
}

// cpuModel is the name of the first processor, where the kernel knows one.
func cpuModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func fileSystem(dir string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "unknown"
	}
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.F2FS_SUPER_MAGIC: "f2fs",
	}
	if name, ok := names[int64(st.Type)]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", st.Type)
}
