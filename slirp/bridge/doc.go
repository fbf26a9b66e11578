// Package bridge is what the host has of a network with a bridge, when whoever
// starts containers may administer the host's network: a device, coracle0, that
// leads into the network, and rules of nf_tables.
//
// Nothing here has to be cleaned up. The device is one end of a pair whose other end
// is in the network's own namespace: it goes with that, and so with the last member.
// A member's rules are a table of its own, which the kernel removes when the
// member's supervisor ends, however it ends ([nft]). The one thing that nobody
// takes back by itself, forwarding, is a [Keeper]'s.
//
// The table of a member lets packets of the network go out, under the address of
// the host; lets in what belongs to that, and what comes to published ports, which
// keeps its sender; and lets nothing through to the host itself. The host's own
// connections to published ports are not the kernel's business: net.ipv4's
// route_localnet, which docker needs for them, opens 127.0.0.1 to the neighbours
// (CVE-2020-8558).
package bridge
