package intent

import (
	"path/filepath"
	"strings"
)

// parseNetns reads --network ns:PATH, a file of a network namespace (ip-netns(8)). The supervisor starts in
// it, so that for the container it is like the host's: shared, and not its own to change.
func parseNetns(s string, m *mode) error {
	path := strings.TrimPrefix(s, "ns:")
	if !filepath.IsAbs(path) || strings.IndexByte(path, 0) >= 0 {
		return invalid("--network", s, "the path of a file such as /run/netns/NAME or /proc/PID/ns/net is wanted")
	}
	m.host, m.path = true, filepath.Clean(path)
	return nil
}

// Netns is the file of --network ns:PATH, "" when something else was asked for.
func (o *Options) Netns() (string, error) {
	m, _, err := parseModes(o)
	return m.net.path, err
}

func (m *modes) driverName() string {
	if m.driver == nil {
		return ""
	}
	return m.driver.Name
}
