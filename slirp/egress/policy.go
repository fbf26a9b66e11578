package egress

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Policy is where a container may speak to. Nil: everywhere.
type Policy struct {
	rules []rule
	// names says that every name may be asked for.
	names bool
}

// mostRules bounds a policy.
const mostRules = 1024

// Parse reads rules, each of which may be several with commas between them. None
// at all are no policy: nil. Errors wrap [ErrRule].
func Parse(list []string) (*Policy, error) {
	if len(list) == 0 {
		return nil, nil
	}
	p := &Policy{}
	for _, s := range Split(list) {
		r, err := parseRule(s)
		if err != nil {
			return nil, err
		}
		if p.rules = append(p.rules, r); len(p.rules) > mostRules {
			return nil, fmt.Errorf("%w: more than %d rules", ErrRule, mostRules)
		}
		p.names = p.names || r.scope == lan || r.scope == internet || r.scope == names
		if p.rules[0].scope == nothing && len(p.rules) > 1 || r.scope == nothing && len(p.rules) > 1 {
			return nil, fmt.Errorf("%w: %q: none is said together with another rule\n  fix: leave out none, or the rest", ErrRule, s)
		}
	}
	return p, nil
}

// Names tells whether a rule is about a name.
func (p *Policy) Names() bool {
	return slices.ContainsFunc(p.rules, func(r rule) bool { return r.name != "" })
}

// Split takes rules with commas between them apart.
func Split(list []string) (rules []string) {
	for _, s := range list {
		rules = append(rules, strings.Split(s, ",")...)
	}
	return rules
}

// Asks tells whether a name may be asked for.
func (p *Policy) Asks(name string) bool {
	if p.names {
		return true
	}
	for i := range p.rules {
		if p.rules[i].matches(name) {
			return true
		}
	}
	return false
}

// Address tells whether a rule opens an address, whatever its name. onLink tells
// whether it is in a network that the host is in.
func (p *Policy) Address(protocol string, to netip.AddrPort, onLink bool) bool {
	a := to.Addr()
	for i := range p.rules {
		r := &p.rules[i]
		switch r.scope {
		case lan:
			if Private(a) || onLink && !a.IsLinkLocalUnicast() {
				return true
			}
		case internet:
			if Global(a) {
				return true
			}
		case some:
			if r.net.IsValid() && r.net.Contains(a) && r.serves(protocol, to.Port()) {
				return true
			}
		}
	}
	return false
}

// Name tells whether a rule opens a port of an address that was given for a name.
func (p *Policy) Name(name, protocol string, to netip.AddrPort) bool {
	if !Global(to.Addr()) {
		return false
	}
	for i := range p.rules {
		if r := &p.rules[i]; r.matches(name) && r.serves(protocol, to.Port()) {
			return true
		}
	}
	return false
}
