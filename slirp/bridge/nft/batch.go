package nft

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"
)

// Table is a table of IPv4 and IPv6 at once (family inet), with its chains.
type Table struct {
	Name   string
	Chains []Chain
}

// Chain is a list of rules.
type Chain struct {
	Name string
	// Kind is filter or nat, with a hook; empty for one that is only jumped to.
	Kind     string
	Hook     uint32 // one of unix.NF_INET_*
	Priority int32  // the least comes first
	Rules    []Rule
}

// Rule is what is asked of a packet, in order, and what is done with it.
type Rule []Expr

// Priorities of chains, as nft(8) names them.
const (
	DestinationNAT = -100
	Filter         = 0
	SourceNAT      = 100
)

// Batch is what is changed at once.
type Batch struct{ parts []part }

// part is one message of a batch.
type part struct {
	what        string
	kind, flags uint16
	body        []byte
}

func (b *Batch) add(what string, kind, flags uint16, body []byte) {
	b.parts = append(b.parts, part{what, kind, flags, body})
}

// appendMessage appends a message of netfilter's.
func appendMessage(b []byte, kind, flags uint16, sequence uint32, family uint8, resource uint16, body []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(unix.SizeofNlMsghdr+4+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = append(b, 0, 0, 0, 0, family, unix.NFNETLINK_V0)
	return append(binary.BigEndian.AppendUint16(b, resource), body...)
}

// limit is how much is sent at once, in bytes: half of what the kernel lets anybody
// send (net.core.wmem_default).
const limit = 100 << 10

// datagram encodes as many of the parts as are sent at once. They are numbered from
// 1 on; only the last asks for an answer, or a long batch would overflow the
// socket. Those that fail are answered all the same, and before.
func datagram(parts []part) (b []byte, n int) {
	b = appendMessage(nil, unix.NFNL_MSG_BATCH_BEGIN, 0, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil)
	for n < len(parts) {
		p := parts[n]
		n++
		last := n == len(parts) || len(b)+len(p.body) > limit
		if last {
			p.flags |= unix.NLM_F_ACK
		}
		b = appendMessage(b, unix.NFNL_SUBSYS_NFTABLES<<8|p.kind, p.flags, uint32(n), unix.NFPROTO_INET, 0, p.body)
		if last {
			break
		}
	}
	return appendMessage(b, unix.NFNL_MSG_BATCH_END, 0, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil), n
}

// ownedTable is NFT_TABLE_F_OWNER of linux/netfilter/nf_tables.h (5.12).
const ownedTable = 2

// Remove removes a table. ENOENT: there is none of that name.
func (b *Batch) Remove(name string) {
	b.add("table "+name, unix.NFT_MSG_DELTABLE, 0, text(unix.NFTA_TABLE_NAME, name))
}

// Add makes a table that is owned by the socket the batch goes through. EEXIST:
// there is one of that name.
func (b *Batch) Add(t Table) {
	name := text(unix.NFTA_TABLE_NAME, t.Name)
	b.add("table "+t.Name, unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, join(name, number(unix.NFTA_TABLE_FLAGS, ownedTable)))
	for _, c := range t.Chains { // all before the rules: some are jumped to
		body := join(text(unix.NFTA_CHAIN_TABLE, t.Name), text(unix.NFTA_CHAIN_NAME, c.Name))
		if c.Kind != "" {
			body = join(body,
				nested(unix.NFTA_CHAIN_HOOK, number(unix.NFTA_HOOK_HOOKNUM, c.Hook), number(unix.NFTA_HOOK_PRIORITY, uint32(c.Priority))),
				text(unix.NFTA_CHAIN_TYPE, c.Kind), number(unix.NFTA_CHAIN_POLICY, uint32(Accept)))
		}
		b.add("chain "+c.Name, unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, body)
	}
	for _, c := range t.Chains {
		for i, r := range c.Rules {
			var list []byte
			for _, e := range r {
				list = append(list, nested(unix.NFTA_LIST_ELEM, text(unix.NFTA_EXPR_NAME, e.name), nested(unix.NFTA_EXPR_DATA, e.data))...)
			}
			b.add("rule "+strconv.Itoa(i+1)+" of chain "+c.Name, unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND,
				join(text(unix.NFTA_RULE_TABLE, t.Name), text(unix.NFTA_RULE_CHAIN, c.Name), nested(unix.NFTA_RULE_EXPRESSIONS, list)))
		}
	}
}
