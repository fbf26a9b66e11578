package nft

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Hooked is a chain of anybody's that packets come to by themselves.
type Hooked struct {
	Family       uint8 // unix.NFPROTO_*
	Table, Chain string
	Hook         uint32 // unix.NF_INET_*
	// Drops says that packets are dropped that no rule of it lets through.
	Drops bool
}

// ListHooked returns the chains of the network namespace that have a hook.
func (c *Conn) ListHooked() (list []Hooked, err error) {
	question := appendMessage(nil, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, 0, unix.NFPROTO_UNSPEC, 0, nil)
	if err := unix.Sendto(c.fd, question, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("cannot talk to nf_tables: %w", err)
	}
	var failed error
	err = c.answers(func(h unix.NlMsghdr, payload []byte) (done bool) {
		switch h.Type {
		case unix.NLMSG_DONE:
			return true
		case unix.NLMSG_ERROR:
			if len(payload) >= 4 {
				failed = unix.Errno(-*(*int32)(unsafe.Pointer(&payload[0])))
			}
			return true
		case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWCHAIN:
			if h, ok := parseHooked(payload); ok {
				list = append(list, h)
			}
		}
		return false
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the chains of nf_tables: %w", err)
	}
	return list, nil
}

// parseHooked reads a chain; not ok when it has no hook.
func parseHooked(b []byte) (h Hooked, ok bool) {
	const header = 4 // struct nfgenmsg
	if len(b) < header {
		return Hooked{}, false
	}
	h.Family = b[0]
	attributes(b[header:], func(kind uint16, value []byte) {
		switch kind {
		case unix.NFTA_CHAIN_TABLE:
			h.Table = strings.TrimRight(string(value), "\x00")
		case unix.NFTA_CHAIN_NAME:
			h.Chain = strings.TrimRight(string(value), "\x00")
		case unix.NFTA_CHAIN_POLICY:
			h.Drops = len(value) == 4 && Verdict(binary.BigEndian.Uint32(value)) == Drop
		case unix.NFTA_CHAIN_HOOK:
			attributes(value, func(kind uint16, value []byte) {
				if kind == unix.NFTA_HOOK_HOOKNUM && len(value) == 4 {
					h.Hook, ok = binary.BigEndian.Uint32(value), true
				}
			})
		}
	})
	return h, ok
}
