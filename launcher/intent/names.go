package intent

import (
	"net/netip"
	"strings"
)

// ValidName checks the name of a container as docker does, [a-zA-Z0-9][a-zA-Z0-9_.-]*, and bounds it at 128
// bytes: it becomes the name of a file.
func ValidName(s string) error {
	ok := len(s) > 0 && len(s) <= 128
	for i := 0; ok && i < len(s); i++ {
		ok = alnum(s[i]) || i > 0 && (s[i] == '_' || s[i] == '.' || s[i] == '-')
	}
	if !ok {
		return invalid("--name", s, "letters, digits, _ . and - are possible, 128 at most, and the first is a letter or digit")
	}
	return nil
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// validHostname checks a host or domain name in the sense of RFC 1123, with the underscore that real
// networks use. 64 is what sethostname(2) takes (__NEW_UTS_LEN).
func validHostname(flag, s string, limit int) error {
	if len(s) > limit {
		return invalid(flag, s, "it is longer than the kernel's limit of 64 bytes")
	}
	for label := range strings.SplitSeq(s, ".") {
		ok := len(label) > 0 && len(label) <= 63
		for i := 0; ok && i < len(label); i++ {
			edge := i == 0 || i == len(label)-1
			ok = alnum(label[i]) || label[i] == '_' || label[i] == '-' && !edge
		}
		if !ok {
			return invalid(flag, s, "letters, digits, - and _ in parts of 1 to 63, separated by dots, are possible")
		}
	}
	return nil
}

func validIP(flag, s string) error {
	if _, err := netip.ParseAddr(s); err != nil {
		return invalid(flag, s, "it is not an IP address")
	}
	return nil
}

// names decides what uname(2) says inside. With the host's network and nothing else asked, the host's name
// is kept, as docker and podman do: its /etc/hosts comes along and knows that name.
func (b *builder) names() error {
	o := b.o
	if !b.ns.uts.private() {
		if o.Hostname != "" || o.Domainname != "" {
			return conflict("--hostname and --domainname", "--uts "+o.UTS, "the name belongs to the namespace that is shared")
		}
		if b.ns.uts.host {
			b.hostname = b.Host.Hostname
		}
		return nil
	}
	switch {
	case o.Hostname != "":
		b.hostname = o.Hostname
	case b.ns.net.host && b.ns.net.path == "" && b.Host.Hostname != "":
		b.hostname = b.Host.Hostname
	case len(b.ID) >= 12:
		b.hostname = b.ID[:12]
	default:
		b.hostname = "localhost"
	}
	b.spec.Hostname, b.spec.Domainname = b.hostname, o.Domainname
	return nil
}
