package intent

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Real-time signals as libc counts them: the kernel's first two are the thread library's, signal(7).
const (
	sigRTMin = 34
	sigRTMax = 64
)

// signals are those of signal(7) on amd64 and arm64.
var signals = [...]string{1: "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
	"USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
	"XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"}

// Signal reads the name or number of a signal; empty is SIGTERM. flag is named in
// the error.
func Signal(flag, s string) (unix.Signal, error) {
	n, err := parseSignal(flag, s)
	return unix.Signal(n), err
}

// SignalName is a signal's name with SIG, or its number when it has none.
func SignalName(n int) string {
	switch {
	case n > 0 && n < len(signals) && signals[n] != "":
		return "SIG" + signals[n]
	case n == sigRTMin:
		return "SIGRTMIN"
	case n > sigRTMin && n <= sigRTMax:
		return "SIGRTMIN+" + strconv.Itoa(n-sigRTMin)
	}
	return strconv.Itoa(n)
}

// parseSignal reads a number, or a name with or without SIG, or RTMIN+n and RTMAX-n. The empty string is
// SIGTERM.
func parseSignal(flag, s string) (int, error) {
	if s == "" {
		return 15, nil
	}
	if n, err := parseID(s); err == nil {
		if n < 1 || n > sigRTMax {
			return 0, invalid(flag, s, "signals are numbered from 1 to 64")
		}
		return int(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	for i, n := range signals {
		if n != "" && n == name {
			return i, nil
		}
	}
	switch name {
	case "IOT":
		return 6, nil
	case "CLD":
		return 17, nil
	case "POLL":
		return 29, nil
	case "RTMIN":
		return sigRTMin, nil
	case "RTMAX":
		return sigRTMax, nil
	}
	for _, rt := range []struct {
		prefix     string
		base, sign int
	}{{"RTMIN+", sigRTMin, 1}, {"RTMAX-", sigRTMax, -1}} {
		if rest, ok := strings.CutPrefix(name, rt.prefix); ok {
			if n, err := strconv.ParseUint(rest, 10, 8); err == nil && n <= sigRTMax-sigRTMin {
				return rt.base + rt.sign*int(n), nil
			}
		}
	}
	return 0, invalid(flag, s, "it is not a signal (see signal(7))")
}
