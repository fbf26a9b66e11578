package userns

import "bytes"

// directorySubIDs tells whether nsswitch.conf(5) has a line "subid:" that
// names a service other than files, such as sss. Only then do libsubid, and so
// newuidmap, look anywhere but in /etc/subuid.
func directorySubIDs(conf []byte) bool {
	for line := range bytes.Lines(conf) {
		line, _, _ = bytes.Cut(line, []byte{'#'})
		key, services, ok := bytes.Cut(line, []byte{':'})
		if !ok || string(bytes.TrimSpace(key)) != "subid" {
			continue
		}
		for _, s := range bytes.Fields(services) {
			if string(s) != "files" && s[0] != '[' {
				return true
			}
		}
		return false
	}
	return false
}
