package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"coracle/launcher"
	"coracle/launcher/processes"
)

// topAux are the columns of ps aux.
const topAux = "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,time,args"

// topMore are columns that cost another look at each process.
func topMore() map[string]topColumn {
	more := map[string]topColumn{
		"etimes": {"ELAPSED", func(p *processes.Process, now time.Time) string {
			return strconv.Itoa(max(int(now.Sub(p.Started).Seconds()), 0))
		}},
		"lstart": {"STARTED", func(p *processes.Process, _ time.Time) string { return p.Started.Local().Format(time.ANSIC) }},
		"start": {"START", func(p *processes.Process, now time.Time) string {
			if t := p.Started.Local(); now.Sub(t) < 24*time.Hour {
				return t.Format("15:04")
			}
			return p.Started.Local().Format("Jan02")
		}},
		"pmem":    {"%MEM", topMemory},
		"seccomp": {"SECCOMP", func(p *processes.Process, _ time.Time) string { return topSeccomp(topField(p, "Seccomp")) }},
		"hgroups": {"HGROUPS", func(p *processes.Process, _ time.Time) string { return topList(topField(p, "Groups")) }},
		"label": {"LABEL", func(p *processes.Process, _ time.Time) string {
			b, err := os.ReadFile("/proc/" + strconv.Itoa(p.HostPID) + "/attr/current")
			if err != nil || len(b) == 0 {
				return "?"
			}
			return strings.TrimRight(string(b), "\x00\n")
		}},
	}
	more["%mem"] = more["pmem"]
	for name, key := range map[string]string{"capamb": "CapAmb", "capbnd": "CapBnd", "capeff": "CapEff", "capinh": "CapInh", "capprm": "CapPrm"} {
		more[name] = topColumn{map[string]string{
			"capamb": "AMBIENT CAPS", "capbnd": "BOUNDING CAPS", "capeff": "EFFECTIVE CAPS", "capinh": "INHERITED CAPS", "capprm": "PERMITTED CAPS",
		}[name], func(p *processes.Process, _ time.Time) string { return launcher.Capabilities(topField(p, key)) }}
	}
	return more
}

// topField is a field of /proc/PID/status, empty when the process has ended.
func topField(p *processes.Process, key string) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.HostPID) + "/status")
	if err != nil {
		return ""
	}
	return topFieldOf(string(b), key)
}

func topFieldOf(status, key string) string {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func topList(fields string) string { return strings.Join(strings.Fields(fields), ",") }

// topSeccomp is podman's word for the mode of proc_pid_status(5).
func topSeccomp(mode string) string {
	words := map[string]string{"0": "disabled", "1": "strict", "2": "filter"}
	if w, ok := words[mode]; ok {
		return w
	}
	return "?"
}

// topMemory is the part of the machine's memory that a process has.
func topMemory(p *processes.Process, _ time.Time) string {
	b, _ := os.ReadFile("/proc/meminfo")
	n, _ := strconv.ParseUint(strings.TrimSuffix(topFieldOf(string(b), "MemTotal"), " kB"), 10, 64)
	if n == 0 {
		return "0.0"
	}
	return strconv.FormatFloat(100*float64(p.RSS>>10)/float64(n), 'f', 1, 64)
}
