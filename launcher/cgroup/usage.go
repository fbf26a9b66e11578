package cgroup

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what the processes of a group use, those that have ended since it was
// made included. Which numbers there are depends on the controllers that are
// enabled; the others are zero, and their Has is false.
type Usage struct {
	// CPU is the time used in user space and in the kernel; System is the latter.
	CPU, System time.Duration
	HasCPU      bool
	// Memory is in bytes, without file pages that can be dropped at once, as docker
	// counts; Limit is the lowest limit of the group and those above it, 0 for none.
	Memory, Limit uint64
	HasMemory     bool
	// Read and Written are bytes from and to block devices.
	Read, Written uint64
	HasIO         bool
	// PIDs is how many processes and threads there are.
	PIDs    uint64
	HasPIDs bool
}

// Usage reads what the group uses now.
func (g Group) Usage() (u Usage) {
	if dir, ok := g.Dir("memory"); ok {
		u.Memory, u.Limit, u.HasMemory = memoryUsage(os.DirFS(dir))
		if g.V2() && u.HasMemory {
			for above := filepath.Dir(dir); ; above = filepath.Dir(above) {
				n, ok := limitOf(os.DirFS(above), "memory.max")
				if !ok {
					break
				}
				u.Limit = lower(u.Limit, n)
			}
		}
	}
	if dir, ok := g.Dir("cpuacct"); ok {
		u.CPU, u.System, u.HasCPU = cpuUsage(os.DirFS(dir))
	}
	if !u.HasCPU && g.Unified != "" { // cpu.stat is there without a controller
		u.CPU, u.System, u.HasCPU = cpuUsage(os.DirFS(g.Unified))
	}
	if dir, ok := g.Dir("io"); ok {
		u.Read, u.Written, u.HasIO = ioUsage(os.DirFS(dir))
	}
	if dir, ok := g.Dir("pids"); ok {
		u.PIDs, u.HasPIDs = number(os.DirFS(dir), "pids.current")
	}
	return u
}

// memoryUsage reads version 2's memory.current, memory.stat and memory.max, or
// version 1's files of the same sense, whose memory.stat knows the limits above
// (Documentation/admin-guide/cgroup-v1/memory.rst, 5.2).
func memoryUsage(dir fs.FS) (used, limit uint64, ok bool) {
	if used, ok = number(dir, "memory.current"); ok {
		limit, _ = limitOf(dir, "memory.max")
		return without(used, keyed(read(dir, "memory.stat"), "inactive_file")), limit, true
	}
	if used, ok = number(dir, "memory.usage_in_bytes"); !ok {
		return 0, 0, false
	}
	stat := read(dir, "memory.stat")
	limit, _ = limitOf(dir, "memory.limit_in_bytes")
	limit = lower(limit, bounded(keyed(stat, "hierarchical_memory_limit")))
	return without(used, keyed(stat, "total_inactive_file")), limit, true
}

// cpuUsage reads version 2's cpu.stat (microseconds) or version 1's cpuacct
// (nanoseconds). Version 1 has a cpu.stat, too, without times.
func cpuUsage(dir fs.FS) (all, system time.Duration, ok bool) {
	stat := read(dir, "cpu.stat")
	if strings.Contains("\n"+stat, "\nusage_usec ") {
		return duration(keyed(stat, "usage_usec"), time.Microsecond), duration(keyed(stat, "system_usec"), time.Microsecond), true
	}
	n, ok := number(dir, "cpuacct.usage")
	s, _ := number(dir, "cpuacct.usage_sys") // Linux 4.10
	return duration(n, time.Nanosecond), duration(s, time.Nanosecond), ok
}

// ioUsage reads version 2's io.stat or version 1's blkio, of which the form with
// groups below exists since Linux 3.14 only when asked for.
func ioUsage(dir fs.FS) (in, out uint64, ok bool) {
	if text, err := fs.ReadFile(dir, "io.stat"); err == nil {
		in, out = parseIO(string(text))
		return in, out, true
	}
	for _, name := range []string{"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"} {
		if text, err := fs.ReadFile(dir, name); err == nil {
			in, out = parseBlkio(string(text))
			return in, out, true
		}
	}
	return 0, 0, false
}

// parseIO sums the devices of io.stat: "8:0 rbytes=1 wbytes=2 rios=3 …".
func parseIO(text string) (in, out uint64) {
	for line := range strings.Lines(text) {
		for _, word := range strings.Fields(line) {
			key, value, _ := strings.Cut(word, "=")
			n, err := strconv.ParseUint(value, 10, 64)
			switch {
			case err != nil:
			case key == "rbytes":
				in = sum(in, n)
			case key == "wbytes":
				out = sum(out, n)
			}
		}
	}
	return in, out
}

// parseBlkio sums the devices of "8:0 Read 1", "8:0 Write 2", "8:0 Sync 3", …, "Total 6".
func parseBlkio(text string) (in, out uint64) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		n, err := strconv.ParseUint(f[2], 10, 64)
		switch {
		case err != nil:
		case f[1] == "Read":
			in = sum(in, n)
		case f[1] == "Write":
			out = sum(out, n)
		}
	}
	return in, out
}

// keyed is the number behind a key of a flat keyed file ("key number" a line), 0
// without one.
func keyed(text, key string) uint64 {
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || k != key {
			continue
		}
		if n, err := strconv.ParseUint(v, 10, 64); err == nil {
			return n
		}
	}
	return 0
}

func read(dir fs.FS, name string) string {
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return ""
	}
	return string(text)
}

func number(dir fs.FS, name string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(read(dir, name)), 10, 64)
	return n, err == nil
}

// limitOf reads a limit, 0 for none; ok says that the file is there.
func limitOf(dir fs.FS, name string) (n uint64, ok bool) {
	text := strings.TrimSpace(read(dir, name))
	if text == "max" {
		return 0, true
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return bounded(n), err == nil
}

// bounded makes version 1's way of saying that there is no limit, the largest
// multiple of the page size, a 0.
func bounded(n uint64) uint64 {
	if n >= math.MaxInt64&^(1<<16-1) {
		return 0
	}
	return n
}

// lower is the lower one of two limits.
func lower(a, b uint64) uint64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// without takes part off n; files that were read one after the other may not fit.
func without(n, part uint64) uint64 {
	if part > n {
		return n
	}
	return n - part
}

func sum(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

func duration(n uint64, unit time.Duration) time.Duration {
	if n > uint64(math.MaxInt64/unit) {
		return math.MaxInt64
	}
	return time.Duration(n) * unit
}
