package launcher

import (
	"strconv"
	"strings"

	"coracle/launcher/internal/capability"
)

// Capabilities names the capabilities of a set as /proc/PID/status shows it, in
// hexadecimal: "CHOWN,KILL", "full", "none", or "?" for what is no set.
func Capabilities(hex string) string {
	set, err := strconv.ParseUint(hex, 16, 64)
	if err != nil {
		return "?"
	}
	var names []string
	for i, name := range capability.Names {
		if set&(1<<i) != 0 {
			names = append(names, strings.TrimPrefix(name, "CAP_"))
		}
	}
	switch len(names) {
	case 0:
		return "none"
	case len(capability.Names):
		return "full"
	}
	return strings.Join(names, ",")
}
