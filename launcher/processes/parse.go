package processes

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// Stat is what is taken from /proc/PID/stat.
type Stat struct {
	Comm     string
	State    string // one letter
	HostPPID int
	// TTY is the number of the terminal's device, 0 for none.
	TTY int
	// CPU is user and system time.
	CPU          time.Duration
	StartedAfter time.Duration // the boot
	VSZ, RSS     uint64        // bytes
	Nice         int
	Threads      int
	Session      int
	Group        int
	// Foreground is the process group in the terminal's foreground.
	Foreground int
}

// parseStat reads one line. The second field may hold anything but is the last one
// in parentheses.
func parseStat(s string) (st Stat, ok bool) {
	begin, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if begin < 0 || end < begin {
		return st, false
	}
	st.Comm = s[begin+1 : end]
	f := strings.Fields(s[end+1:]) // f[0] is field 3
	if len(f) < 22 || len(f[0]) != 1 {
		return st, false
	}
	ok = true
	num := func(field int) int64 {
		n, err := strconv.ParseInt(f[field-3], 10, 64)
		ok = ok && err == nil && n > -1<<53 && n < 1<<53
		return n
	}
	tick := func(field int) time.Duration { return time.Duration(num(field)%(1<<40)) * (time.Second / ticks) }
	st.State = f[0]
	st.HostPPID, st.Group, st.Session, st.TTY, st.Foreground = int(num(4)), int(num(5)), int(num(6)), int(num(7)), int(num(8))
	st.CPU, st.Nice, st.Threads, st.StartedAfter = tick(14)+tick(15), int(num(19)), int(num(20)), tick(22)
	st.VSZ, st.RSS = uint64(max(num(23), 0)), uint64(max(num(24), 0))*uint64(os.Getpagesize())
	return st, ok
}

// Terminal is the terminal's name, "?" for none (proc_pid_stat(5), tty_nr).
func (s Stat) Terminal() string {
	major, minor := s.TTY>>8&0xfff, s.TTY&0xff|s.TTY>>12&0xfff00
	switch {
	case s.TTY == 0:
		return "?"
	case major >= 136 && major <= 143:
		return "pts/" + strconv.Itoa(minor+(major-136)<<8)
	case major == 4 && minor < 64:
		return "tty" + strconv.Itoa(minor)
	}
	return strconv.Itoa(major) + ":" + strconv.Itoa(minor)
}

// Status is what is taken from /proc/PID/status.
type Status struct {
	// NSpid are the process's pids from this process's pid namespace on inwards.
	NSpid            []int
	HostUID, HostGID int // effective ones, here
}

func parseStatus(s string) (st Status, ok bool) {
	for line := range strings.Lines(s) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch key {
		case "Uid", "Gid":
			if len(fields) < 2 {
				return st, false
			}
			n, err := strconv.ParseUint(fields[1], 10, 32)
			if err != nil {
				return st, false
			}
			if key == "Uid" {
				st.HostUID = int(n)
			} else {
				st.HostGID = int(n)
			}
		case "NSpid":
			for _, f := range fields {
				n, err := strconv.Atoi(f)
				if err != nil || n <= 0 {
					return st, false
				}
				st.NSpid = append(st.NSpid, n)
			}
		}
	}
	return st, len(st.NSpid) > 0
}

// extent is a line of /proc/PID/uid_map, whose second number is an id here.
type extent struct{ inside, outside, size int }

func idMap(pid int, file string) (m []extent) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
	if err != nil {
		return nil
	}
	return parseMap(string(b))
}

func parseMap(s string) (m []extent) {
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		var n [3]uint64
		var err error
		for i := range n {
			if n[i], err = strconv.ParseUint(f[i], 10, 32); err != nil {
				break
			}
		}
		if err == nil {
			m = append(m, extent{int(n[0]), int(n[1]), int(n[2])})
		}
	}
	return m
}

func translate(m []extent, id int) int {
	for _, e := range m {
		if id >= e.outside && id-e.outside < e.size {
			return e.inside + id - e.outside
		}
	}
	return Outside
}

// bootTime is when the kernel was booted, as it says itself, to the second.
func bootTime() time.Time {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(b)) {
		if s, ok := strings.CutPrefix(line, "btime "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			return time.Unix(n, 0)
		}
	}
	return time.Time{}
}
