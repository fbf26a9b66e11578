package imageconf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// expose adds ports: 80, 80/udp, 8000-8010/tcp.
func (c *changing) expose(s string) error {
	words, err := c.words(s)
	if err != nil {
		return err
	}
	for _, w := range words {
		ports, proto, ok := strings.Cut(w, "/")
		if !ok {
			proto = "tcp"
		}
		proto = strings.ToLower(proto)
		first, last, isRange := strings.Cut(ports, "-")
		if !isRange {
			last = first
		}
		from, ferr := strconv.ParseUint(first, 10, 16)
		to, terr := strconv.ParseUint(last, 10, 16)
		if ferr != nil || terr != nil || from == 0 || from > to || !slices.Contains([]string{"tcp", "udp", "sctp"}, proto) {
			return fmt.Errorf("%q is not PORT[-PORT][/tcp|udp|sctp]", short(w))
		}
		if c.ExposedPorts == nil {
			c.ExposedPorts = make(map[string]struct{})
		}
		for p := from; p <= to; p++ {
			c.ExposedPorts[fmt.Sprintf("%d/%s", p, proto)] = struct{}{}
		}
	}
	return nil
}

func (c *changing) stopsignal(s string) error {
	word, err := c.one(s)
	if err != nil {
		return err
	}
	if !isSignal(word) {
		return fmt.Errorf("%q is no signal", short(word))
	}
	c.StopSignal = word
	return nil
}

// isSignal knows numbers (1 to 64, signal(7)), names with and without SIG, and
// real-time signals as RTMIN+n and RTMAX-n.
func isSignal(s string) bool {
	if n, err := strconv.Atoi(s); err == nil {
		return n >= 1 && n <= 64
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	for prefix, sign := range map[string]byte{"RTMIN": '+', "RTMAX": '-'} {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if rest == "" {
			return true
		}
		n, err := strconv.ParseUint(rest[1:], 10, 8)
		return rest[0] == sign && err == nil && n <= 30
	}
	return unix.SignalNum("SIG"+name) != 0
}
