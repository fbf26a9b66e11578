package processes

import (
	"os"
	"strconv"
	"strings"
)

// Traffic is how many bytes came in and went out over all interfaces, but the
// loopback, of the network namespace that a process is in, since it was made.
func Traffic(pid int) (in, out uint64, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/net/dev")
	if err != nil {
		return 0, 0, err
	}
	in, out = parseDev(string(b))
	return in, out, nil
}

// parseDev reads /proc/net/dev: two lines of titles, then "name: received bytes and
// seven more numbers, sent bytes and seven more" (proc_pid_net(5)).
func parseDev(text string) (in, out uint64) {
	for line := range strings.Lines(text) {
		// An alias may have a colon in its name: numbers have none.
		at := strings.LastIndexByte(line, ':')
		if at < 0 || strings.TrimSpace(line[:at]) == "lo" {
			continue
		}
		f := strings.Fields(line[at+1:])
		if len(f) < 9 {
			continue
		}
		received, err := strconv.ParseUint(f[0], 10, 64)
		sent, serr := strconv.ParseUint(f[8], 10, 64)
		if err == nil && serr == nil {
			in, out = in+received, out+sent
		}
	}
	return in, out
}
