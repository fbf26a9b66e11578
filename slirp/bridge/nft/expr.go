package nft

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Expr is one step of a rule: a question, whose answer "no" ends the rule, or what
// is done with the packet.
type Expr struct {
	name string
	data []byte
}

// Verdict ends a rule, and all others of the chain.
type Verdict int32

// Verdicts.
const (
	Drop   Verdict = 0 // NF_DROP
	Accept Verdict = 1 // NF_ACCEPT
)

// register is NFT_REG_1, where questions put what they compare; second is another.
const (
	register = unix.NFT_REG_1
	second   = unix.NFT_REG_2
)

// compare tells whether the register is (unix.NFT_CMP_EQ), or is not, the value.
func compare(op uint32, value []byte) Expr {
	return Expr{"cmp", join(number(unix.NFTA_CMP_SREG, register), number(unix.NFTA_CMP_OP, op), nested(unix.NFTA_CMP_DATA, attribute(unix.NFTA_DATA_VALUE, value)))}
}

// mask keeps some bits of the register.
func mask(bits []byte) Expr {
	return Expr{"bitwise", join(number(unix.NFTA_BITWISE_SREG, register), number(unix.NFTA_BITWISE_DREG, register), number(unix.NFTA_BITWISE_LEN, uint32(len(bits))),
		nested(unix.NFTA_BITWISE_MASK, attribute(unix.NFTA_DATA_VALUE, bits)), nested(unix.NFTA_BITWISE_XOR, attribute(unix.NFTA_DATA_VALUE, make([]byte, len(bits)))))}
}

func meta(key uint32) Expr {
	return Expr{"meta", join(number(unix.NFTA_META_KEY, key), number(unix.NFTA_META_DREG, register))}
}

func payload(base, offset, size uint32) Expr {
	return Expr{"payload", join(number(unix.NFTA_PAYLOAD_DREG, register), number(unix.NFTA_PAYLOAD_BASE, base), number(unix.NFTA_PAYLOAD_OFFSET, offset), number(unix.NFTA_PAYLOAD_LEN, size))}
}

// is and isNot are operators, by what is meant.
func op(yes bool) uint32 {
	if yes {
		return unix.NFT_CMP_EQ
	}
	return unix.NFT_CMP_NEQ
}

// device is a name as the kernel compares it.
func device(name string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return b
}

// In asks whether the packet came by a device.
func In(name string) []Expr {
	return []Expr{meta(unix.NFT_META_IIFNAME), compare(unix.NFT_CMP_EQ, device(name))}
}

// Out asks whether it goes by a device, or with is false whether it does not.
func Out(name string, is bool) []Expr {
	return []Expr{meta(unix.NFT_META_OIFNAME), compare(op(is), device(name))}
}

// Family asks whether it is of an address's family.
func Family(a netip.Addr) []Expr {
	family := byte(unix.NFPROTO_IPV4)
	if a.Is6() {
		family = unix.NFPROTO_IPV6
	}
	return []Expr{meta(unix.NFT_META_NFPROTO), compare(unix.NFT_CMP_EQ, []byte{family})}
}

// Protocol asks what it carries, such as unix.IPPROTO_TCP.
func Protocol(number byte) []Expr {
	return []Expr{meta(unix.NFT_META_L4PROTO), compare(unix.NFT_CMP_EQ, []byte{number})}
}

// address loads the source's or the destination's address of a packet of the family.
func address(six, source bool) Expr {
	switch { // RFC 791, 3.1; RFC 8200, 3
	case six && source:
		return payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 8, 16)
	case six:
		return payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 24, 16)
	case source:
		return payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 12, 4)
	}
	return payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 16, 4)
}

// From asks whether a packet of the prefix's family comes from there, or with is
// false whether it does not. Ask for the [Family] first.
func From(p netip.Prefix, is bool) []Expr { return within(p, true, is) }

// To is the same of where it goes to.
func To(p netip.Prefix, is bool) []Expr { return within(p, false, is) }

func within(p netip.Prefix, source, is bool) []Expr {
	list := []Expr{address(p.Addr().Is6(), source)}
	if !p.IsSingleIP() {
		bits := make([]byte, p.Addr().BitLen()/8)
		for i := range p.Bits() {
			bits[i/8] |= 0x80 >> (i % 8)
		}
		list = append(list, mask(bits))
	}
	return append(list, compare(op(is), p.Masked().Addr().AsSlice()))
}

// Port asks for the destination's port. Ask for the [Protocol] first.
func Port(n uint16) []Expr {
	return []Expr{payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2), compare(unix.NFT_CMP_EQ, binary.BigEndian.AppendUint16(nil, n))}
}

// ICMPType asks for the type of an ICMP message. Ask for the [Protocol] first.
func ICMPType(n byte) []Expr {
	return []Expr{payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1), compare(unix.NFT_CMP_EQ, []byte{n})}
}

const (
	fibAddressType = 3 // NFT_FIB_RESULT_ADDRTYPE
	ctState        = 0 // NFT_CT_STATE
	ctStatus       = 2 // NFT_CT_STATUS
	established    = 2 // NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
	related        = 4 // NF_CT_STATE_BIT(IP_CT_RELATED)
	dstNAT         = 1 << 5
)

// native is a number as the kernel keeps it in a register.
func native(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// Local asks whether it goes to an address of this machine.
func Local() []Expr {
	return []Expr{
		{"fib", join(number(unix.NFTA_FIB_DREG, register), number(unix.NFTA_FIB_RESULT, fibAddressType), number(unix.NFTA_FIB_FLAGS, unix.NFTA_FIB_F_DADDR))},
		compare(unix.NFT_CMP_EQ, native(unix.RTN_LOCAL)),
	}
}

// tracked asks whether one of some bits of what is known of the connection is set.
func tracked(key, bits uint32) []Expr {
	return []Expr{
		{"ct", join(number(unix.NFTA_CT_DREG, register), number(unix.NFTA_CT_KEY, key))},
		mask(native(bits)), compare(unix.NFT_CMP_NEQ, native(0)),
	}
}

// Known asks whether it belongs to a connection that was let through, or is an
// error about one.
func Known() []Expr { return tracked(ctState, established|related) }

// Redirected asks whether its connection has got another destination by [DNAT].
func Redirected() []Expr { return tracked(ctStatus, dstNAT) }

// Decide ends the rule.
func Decide(v Verdict) Expr { return verdict(number(unix.NFTA_VERDICT_CODE, uint32(v))) }

// Jump goes on in another chain of the table, and comes back.
func Jump(chain string) Expr {
	code := int32(unix.NFT_JUMP)
	return verdict(join(number(unix.NFTA_VERDICT_CODE, uint32(code)), text(unix.NFTA_VERDICT_CHAIN, chain)))
}

func verdict(v []byte) Expr {
	return Expr{"immediate", join(number(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT), nested(unix.NFTA_IMMEDIATE_DATA, nested(unix.NFTA_DATA_VERDICT, v)))}
}

// Reject drops it and says that nobody is there, so that who asks need not wait.
func Reject() Expr {
	const portUnreachable = 1 // NFT_REJECT_ICMPX_PORT_UNREACH
	return Expr{"reject", join(number(unix.NFTA_REJECT_TYPE, unix.NFT_REJECT_ICMPX_UNREACH), attribute(unix.NFTA_REJECT_ICMP_CODE, []byte{portUnreachable}))}
}

// DNAT sends the connection to another address and port.
func DNAT(to netip.AddrPort) []Expr {
	family := uint32(unix.NFPROTO_IPV4)
	if to.Addr().Is6() {
		family = unix.NFPROTO_IPV6
	}
	return []Expr{
		immediate(register, to.Addr().AsSlice()), immediate(second, binary.BigEndian.AppendUint16(nil, to.Port())),
		{"nat", join(number(unix.NFTA_NAT_TYPE, unix.NFT_NAT_DNAT), number(unix.NFTA_NAT_FAMILY, family),
			number(unix.NFTA_NAT_REG_ADDR_MIN, register), number(unix.NFTA_NAT_REG_PROTO_MIN, second))},
	}
}

func immediate(into uint32, value []byte) Expr {
	return Expr{"immediate", join(number(unix.NFTA_IMMEDIATE_DREG, into), nested(unix.NFTA_IMMEDIATE_DATA, attribute(unix.NFTA_DATA_VALUE, value)))}
}

// Masquerade gives the connection the address of the device that it leaves by.
func Masquerade() Expr { return Expr{"masq", nil} }
