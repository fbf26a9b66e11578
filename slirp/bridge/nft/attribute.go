package nft

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attribute is one of a message, padded (netlink(7)).
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(make([]byte, 0, 4+len(value)+3), uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func text(kind uint16, s string) []byte { return attribute(kind, append([]byte(s), 0)) }

func number(kind uint16, v uint32) []byte {
	return attribute(kind, binary.BigEndian.AppendUint32(nil, v))
}

func nested(kind uint16, parts ...[]byte) []byte {
	return attribute(kind|unix.NLA_F_NESTED, join(parts...))
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// attributes calls each for the attributes of a message; damaged ones end it.
func attributes(b []byte, each func(kind uint16, value []byte)) {
	for len(b) >= unix.SizeofRtAttr {
		a := *(*unix.RtAttr)(unsafe.Pointer(&b[0]))
		if a.Len < unix.SizeofRtAttr || int(a.Len) > len(b) {
			return
		}
		each(a.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofRtAttr:a.Len])
		b = b[min(len(b), (int(a.Len)+3)&^3):]
	}
}
