package processes

import (
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// Use is what processes use, summed, where no control group counts it.
type Use struct {
	// CPU is the time used in user space and in the kernel, with that of children that
	// have ended and were waited for; System is the latter. Children of those who do
	// not wait (SIGCHLD ignored) are lost with their end.
	CPU, System time.Duration
	// Memory is in bytes. Pages of several processes are counted in parts (Pss), or,
	// where that cannot be read, in each (Rss).
	Memory uint64
	// Read and Written are bytes from and to block devices; NoIO says that they were
	// not to be read for all.
	Read, Written uint64
	NoIO          bool
	// Threads is how many threads there are.
	Threads uint64
}

// Sum adds up what processes use. Those that end meanwhile count for nothing.
func Sum(pids []int) (u Use) {
	for _, pid := range pids {
		u.add("/proc/" + strconv.Itoa(pid) + "/")
	}
	return u
}

func (u *Use) add(dir string) {
	b, err := os.ReadFile(dir + "stat")
	if err != nil {
		return
	}
	one, ok := parseUse(string(b))
	if !ok {
		return
	}
	u.CPU, u.System, u.Threads = u.CPU+one.CPU, u.System+one.System, u.Threads+one.Threads
	memory := one.Memory
	if b, err := os.ReadFile(dir + "smaps_rollup"); err == nil {
		if pss, ok := keyed(string(b), "Pss", 1<<10); ok {
			memory = pss
		}
	}
	u.Memory += memory
	b, err = os.ReadFile(dir + "io")
	in, okIn := keyed(string(b), "read_bytes", 1)
	out, okOut := keyed(string(b), "write_bytes", 1)
	if err != nil || !okIn || !okOut {
		u.NoIO = u.NoIO || !os.IsNotExist(err)
		return
	}
	u.Read, u.Written = u.Read+in, u.Written+out
}

// parseUse reads /proc/PID/stat: fields 14 to 17, 20 and 24 of proc_pid_stat(5).
func parseUse(s string) (u Use, ok bool) {
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:]) // f[0] is field 3
	if len(f) < 22 {
		return u, false
	}
	ok = true
	num := func(field int, most uint64) uint64 {
		n, err := strconv.ParseUint(f[field-3], 10, 64)
		ok = ok && err == nil && n <= most
		return n
	}
	tick := func(field int) time.Duration {
		return time.Duration(num(field, 1<<36)) * (time.Second / ticks)
	}
	u.System = tick(15) + tick(17)
	u.CPU = u.System + tick(14) + tick(16)
	u.Threads = num(20, 1<<32)
	u.Memory = num(24, 1<<40) * uint64(os.Getpagesize())
	return u, ok
}

// keyed is the number behind "KEY:" at the beginning of a line, times unit.
func keyed(text, key string, unit uint64) (uint64, bool) {
	for line := range strings.Lines(text) {
		k, rest, ok := strings.Cut(line, ":")
		if !ok || k != key {
			continue
		}
		f := strings.Fields(rest)
		if len(f) == 0 {
			return 0, false
		}
		n, err := strconv.ParseUint(f[0], 10, 64)
		return n * unit, err == nil && n <= math.MaxInt64/unit
	}
	return 0, false
}
