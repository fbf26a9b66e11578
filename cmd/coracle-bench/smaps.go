package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory is what a process has in memory, in bytes.
type memory struct {
	Rss     int64 // resident
	Pss     int64 // proportional: pages shared with n processes count 1/n
	Private int64 // shared with nobody: what its end would free
}

// readMemory reads /proc/PID/smaps_rollup, Linux 4.14. It needs the right to
// trace the process (ptrace(2), PTRACE_MODE_READ).
func readMemory(pid int) (memory, error) {
	path := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return memory{}, err
	}
	m, err := parseSmaps(string(text))
	if err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// parseSmaps reads the text of smaps_rollup, proc_pid_smaps(5): after a line
// about addresses, one "Key:  N kB" a line.
func parseSmaps(text string) (memory, error) {
	var m memory
	into := map[string]*int64{"Rss": &m.Rss, "Pss": &m.Pss, "Private_Clean": &m.Private, "Private_Dirty": &m.Private}
	missing := map[string]bool{"Rss": true, "Pss": true, "Private_Clean": true, "Private_Dirty": true}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		sum := into[key]
		if sum == nil {
			continue
		}
		number, ok := strings.CutSuffix(strings.TrimSpace(value), " kB")
		kib, err := strconv.ParseInt(number, 10, 40)
		if !ok || err != nil || kib < 0 {
			return m, fmt.Errorf("line %q is not a size", strings.TrimSpace(line))
		}
		*sum += kib << 10
		delete(missing, key)
	}
	for key := range missing {
		return m, fmt.Errorf("it has no line %s", key)
	}
	return m, nil
}
