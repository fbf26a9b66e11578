package slirp

import (
	"slices"
	"strings"
	"time"

	"coracle/slirp/dns"
	"coracle/slirp/stack"
)

// Domain is below which every name of a container is a name, and no other name is:
// db.dns.coracle is the container db.
const Domain = "dns.coracle"

// namesLife is how long an answer about a container may be kept: it may end at any
// moment, and another have its name.
const namesLife = 5 * time.Second

// hostNames are docker's and podman's for the host, to which the gateway leads.
func hostName(name string) bool {
	return name == "host.containers.internal" || name == "host.docker.internal" || name == "gateway.docker.internal"
}

// resolver answers the container's questions for names: those about containers
// itself, all others by asking the host's name servers. It is of the stack's
// thread.
type resolver struct {
	*router
	stack   *stack.Stack
	servers nameservers
	asked   map[asking]*question
	callers map[*caller]bool
	turn    int // so that not always the same address is the first
	buf     []byte
}

func newResolver(r *router, path string) *resolver {
	return &resolver{
		router: r, servers: nameservers{path: path}, asked: make(map[asking]*question),
		callers: make(map[*caller]bool), buf: make([]byte, 64<<10),
	}
}

// close lets go of everything, when the stack's thread has ended.
func (r *resolver) close() {
	for _, q := range r.asked {
		q.hang()
	}
	for c := range r.callers {
		c.hang()
	}
}

// judge decides about a question: what is answered at once, or that it is to be
// passed on.
func (r *resolver) judge(q *dns.Question) (reply dns.Reply, pass bool) {
	reply.TTL = namesLife
	if !q.Query {
		return dns.Reply{Code: dns.NotImplemented}, false
	}
	if q.Internet && r.own(q, &reply) {
		return reply, false
	}
	switch {
	case q.Internet && r.expanded(q.Name):
		reply.Code = dns.NameError
	case r.internal():
		reply.Code = dns.Refused
	case r.gate.asks(q):
		return reply, true
	default:
		r.gate.deny(q.Name)
		reply.Code = dns.Refused
	}
	return reply, false
}

// own answers what this machine knows better than any name server.
func (r *resolver) own(q *dns.Question, reply *dns.Reply) bool {
	if a, ok := dns.ParseReverse(q.Name); ok {
		name, known := "", false
		if r.hooks.Reverse != nil {
			name, known = r.hooks.Reverse(a)
		}
		switch {
		case known:
			reply.Name = name
		case a == r.plan.Gateway4 || a == r.plan.Gateway6:
			reply.Name = "host.containers.internal"
		case r.CIDR4.Contains(a) || r.CIDR6.Contains(a):
			reply.Code = dns.NameError
		default:
			return false
		}
		return true
	}
	if hostName(q.Name) && !r.internal() {
		// As in /etc/hosts: most of what a host serves there has no other family.
		if reply.Addrs = append(reply.Addrs, r.plan.Gateway4); !r.plan.Gateway4.IsValid() {
			reply.Addrs[0] = r.plan.Gateway6
		}
		return true
	}
	if q.Name == Domain {
		return true
	}
	name, below := strings.CutSuffix(q.Name, "."+Domain)
	if r.hooks.Lookup != nil {
		if addrs, known := r.hooks.Lookup(name); known {
			if n := len(addrs); n > 1 {
				r.turn++
				addrs = slices.Concat(addrs[r.turn%n:], addrs[:r.turn%n])
			}
			reply.Addrs = addrs
			return true
		}
	}
	if below {
		reply.Code = dns.NameError
	}
	return below
}

// mostExpansions bounds the labels of a search domain.
const mostExpansions = 8

// expanded tells, where not every name may be asked for, that a resolver tries a
// name that may be with a search domain behind it. It is to be told that there is
// no such name: when it is refused it gives up.
func (r *resolver) expanded(name string) bool {
	if !r.internal() && r.gate.allowsName(name) {
		return false
	}
	for at, n := 0, 0; n < mostExpansions; n++ {
		next := strings.IndexByte(name[at:], '.')
		if next < 0 {
			return false
		}
		shorter := name[:at+next]
		at += next + 1
		if !r.internal() && r.gate.allowsName(shorter) || hostName(shorter) {
			return true
		}
		if r.hooks.Lookup != nil {
			if _, known := r.hooks.Lookup(shorter); known {
				return true
			}
		}
	}
	return false
}

// admit looks at a server's answer. Not ok: it is none, or not to this question.
func (r *resolver) admit(q *dns.Question, b []byte) bool {
	var a dns.Answer
	if err := dns.ParseAnswer(b, &a); err != nil || !a.To(q) {
		return false
	}
	r.gate.note(&a)
	return true
}
