package bridge

import (
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
)

// Obstacle tells in one line, with what to type, that another program's firewall
// drops what is to be forwarded; empty when none is seen. A drop is final in
// nf_tables, whatever other tables say. Rules of iptables-legacy are not seen.
func Obstacle() string {
	c, err := nft.Dial()
	if err != nil {
		return ""
	}
	defer c.Close()
	list, err := c.ListHooked()
	if err != nil {
		return ""
	}
	return obstacle(list)
}

func obstacle(list []nft.Hooked) string {
	for _, h := range list {
		switch {
		case h.Hook != unix.NF_INET_FORWARD:
		case h.Table == "firewalld":
			return "firewalld decides what is forwarded, and may drop what containers send and get\n" +
				"  fix: sudo firewall-cmd --zone=trusted --add-interface=" + Device
		case !h.Drops:
		case h.Table == "filter" && h.Chain == "FORWARD": // iptables-nft's, where docker is, too
			program := "iptables"
			if h.Family == unix.NFPROTO_IPV6 {
				program = "ip6tables"
			}
			return fmt.Sprintf("the host's firewall drops what is forwarded (policy of chain FORWARD): containers do not get out\n"+
				"  fix: sudo %s -I FORWARD -i %s -j ACCEPT; sudo %[1]s -I FORWARD -o %[2]s -j ACCEPT", program, Device)
		default:
			chain := familyName(h.Family) + " " + h.Table + " " + h.Chain
			return fmt.Sprintf("the host's firewall drops what is forwarded (policy of chain %s): containers do not get out\n"+
				"  fix: sudo nft insert rule %[1]s iifname %[2]s accept; sudo nft insert rule %[1]s oifname %[2]s accept", chain, Device)
		}
	}
	return ""
}

func familyName(f uint8) string {
	switch f {
	case unix.NFPROTO_IPV4:
		return "ip"
	case unix.NFPROTO_IPV6:
		return "ip6"
	}
	return "inet"
}
