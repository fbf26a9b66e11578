package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrRule is wrapped by every error about what was asked of egress.
var ErrRule = errors.New("invalid egress rule")

// scope is what an egress rule without an address or a name stands for.
type scope uint8

const (
	some     scope = iota // an address or a name
	nothing               // none
	lan                   // private networks, and those that the host is in
	internet              // what everybody reaches
	names                 // every name may be asked for, nothing more
)

var words = [...]string{nothing: "none", lan: "lan", internet: "internet", names: "dns"}

// rule is one of a policy's.
type rule struct {
	scope scope
	// net is invalid for a name.
	net netip.Prefix
	// name is in lower case; with wild, of everything below it.
	name string
	wild bool
	// protocol is "" for all; dns: the name may be asked for, nothing more.
	protocol string
	// first and last are the ports, 0 for all.
	first, last uint16
}

// parseRule reads none, lan, internet, dns, or
// (DOMAIN|*.DOMAIN|ADDRESS|CIDR)[:PORT[-PORT]][/tcp|/udp|/dns]. An IPv6 address
// with a port stands in brackets.
func parseRule(s string) (r rule, err error) {
	bad := func(why string, args ...any) (rule, error) {
		return rule{}, fmt.Errorf("%w: %q: %s\n  fix: none, lan, internet, dns, NAME, *.NAME, ADDRESS or CIDR is wanted, with :PORT[-PORT] and /tcp or /udp, such as *.example.org:443", ErrRule, s, fmt.Sprintf(why, args...))
	}
	text := strings.ToLower(strings.TrimSpace(s))
	for w, word := range words {
		if text == word && word != "" {
			return rule{scope: scope(w)}, nil
		}
	}
	for _, protocol := range []string{"tcp", "udp", "dns"} {
		if rest, ok := strings.CutSuffix(text, "/"+protocol); ok {
			text, r.protocol = rest, protocol
			break
		}
	}
	target, ports, why := split(text)
	if why != "" {
		return bad("%s", why)
	}
	if r.net, err = parseNet(target); err != nil {
		if r.name, r.wild = strings.CutPrefix(strings.TrimSuffix(target, "."), "*."); !validName(r.name) {
			return bad("%q is not a name or an address", target)
		}
	}
	if ports != "" {
		first, last, isRange := strings.Cut(ports, "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || a == 0 || b < a {
			return bad("%q is not a port, or a range of ports", ports)
		}
		r.first, r.last = uint16(a), uint16(b)
	}
	switch {
	case r.protocol == "dns" && r.first != 0:
		return bad("/dns lets a name be asked for, which has no port")
	case r.protocol == "dns" && r.name == "":
		return bad("/dns is for names")
	}
	return r, nil
}

// split takes the ports off.
func split(text string) (target, ports, why string) {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		inside, behind, closed := strings.Cut(rest, "]")
		bits := ""
		if after, ok := strings.CutPrefix(behind, "/"); ok { // [2001:db8::]/32:443
			bits, behind, _ = strings.Cut(after, ":")
			bits = "/" + bits
			if strings.Contains(after, ":") {
				behind = ":" + behind
			}
		}
		if !closed || behind != "" && (behind[0] != ':' || behind == ":") || !strings.Contains(inside, ":") {
			return "", "", "brackets are for an IPv6 address, with a port behind them"
		}
		return inside + bits, strings.TrimPrefix(behind, ":"), ""
	}
	if _, err := parseNet(text); err == nil { // IPv6 without a port
		return text, "", ""
	}
	target, ports, has := strings.Cut(text, ":")
	switch {
	case strings.Contains(ports, ":"):
		return "", "", "an IPv6 address with a port stands in brackets"
	case has && ports == "":
		return "", "", "there is no port behind the colon"
	}
	return target, ports, ""
}

// parseNet reads an address or a network.
func parseNet(s string) (p netip.Prefix, err error) {
	if strings.Contains(s, "/") {
		if p, err = netip.ParsePrefix(s); err != nil {
			return p, err
		}
		if p.Addr().Is4In6() { // ::ffff:10.0.0.0/104 is 10.0.0.0/8
			return p.Addr().Unmap().Prefix(p.Bits() - 96)
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return p, ErrRule
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// validName tells the name of a host (RFC 1123, 2.1), with the underscores that
// services have; what ends in a number is an address gone wrong.
func validName(s string) bool {
	if len(s) > 253 {
		return false
	}
	numeric := true
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		numeric = true
		for _, c := range []byte(label) {
			digit := c >= '0' && c <= '9'
			if !digit && (c < 'a' || c > 'z') && c != '-' && c != '_' {
				return false
			}
			numeric = numeric && digit
		}
	}
	return !numeric
}

// serves tells whether a protocol and a port are among a rule's. What has no port,
// as ping, is open where every port is.
func (r *rule) serves(protocol string, port uint16) bool {
	if r.first != 0 && (port < r.first || port > r.last) {
		return false
	}
	return r.protocol == "" || r.protocol == protocol
}

// matches tells whether a name is a rule's.
func (r *rule) matches(name string) bool {
	if r.name == "" {
		return false
	}
	if rest, ok := strings.CutSuffix(name, r.name); ok {
		return !r.wild && rest == "" || r.wild && len(rest) > 1 && rest[len(rest)-1] == '.'
	}
	return false
}
