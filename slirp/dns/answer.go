package dns

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Answer is what another server has answered.
type Answer struct {
	Question
	Code Code
	// Bare: the question is not repeated, as some servers do that did not understand
	// it. There is nothing else in it either.
	Bare bool
	// Addrs are those that the name has: its own, or those of the name at the end of
	// the aliases that the answer itself gives. Others in the message do not count.
	Addrs []netip.Addr
	// TTL is how long they may be used, the least of all records on the way.
	TTL time.Duration
}

// ParseAnswer reads an answer. Errors: [ErrMalformed].
func ParseAnswer(b []byte, a *Answer) error {
	*a = Answer{}
	if len(b) >= headerLen && b[2]&0x80 != 0 && b[3]&15 != 0 && b[4] == 0 && b[5] == 0 {
		a.ID, a.Code, a.Bare = binary.BigEndian.Uint16(b), Code(b[3]&15), true
		return nil
	}
	at, err := a.parse(b)
	if err != nil {
		return err
	}
	if a.flags&flagResponse == 0 {
		return ErrMalformed
	}
	a.Code = Code(a.flags & 15)
	if !a.Query || !a.Internet {
		return nil
	}
	var list []record
	for range min(int(binary.BigEndian.Uint16(b[6:])), mostRecords) {
		r, end, err := readRecord(b, at)
		if err != nil {
			if a.flags&flagTruncated != 0 {
				break // it may end anywhere
			}
			return err
		}
		if at = end; r.class == classIN {
			list = append(list, r)
		}
	}
	return a.follow(b, list)
}

// follow goes from alias to alias.
func (a *Answer) follow(b []byte, list []record) error {
	name, ttl := a.Name, ^uint32(0)
	for range len(list) + 1 { // each alias once
		next, alias := "", false
		for _, r := range list {
			if r.owner != name {
				continue
			}
			switch {
			case r.kind == A && r.size == 4, r.kind == AAAA && r.size == 16:
				ip, _ := netip.AddrFromSlice(b[r.data : r.data+r.size])
				a.Addrs, ttl = append(a.Addrs, ip.Unmap()), min(ttl, r.ttl)
			case r.kind == CNAME:
				target, _, err := readName(b, r.data)
				if err != nil {
					return err
				}
				next, alias, ttl = target, true, min(ttl, r.ttl)
			}
		}
		if !alias || len(a.Addrs) > 0 {
			break
		}
		name = next
	}
	if ttl > 1<<31-1 { // RFC 2181, 8
		ttl = 0
	}
	a.TTL = time.Duration(ttl) * time.Second
	return nil
}

// To tells whether an answer is to a question.
func (a *Answer) To(q *Question) bool {
	return a.Same(q) || a.Bare && a.ID == q.ID
}

// Same tells whether two messages ask the same, and are one exchange.
func (q *Question) Same(o *Question) bool {
	return q.ID == o.ID && q.Name == o.Name && q.Type == o.Type && q.Internet == o.Internet
}
