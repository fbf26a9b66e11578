// Package stack is a user-mode network stack for one container: it speaks TCP,
// UDP and ICMP with the container over a TUN device, and passes what is said on
// through ordinary sockets of this process. Start from [New] and [Stack.Run].
//
// It is no router. It ends the container's TCP connections (RFC 9293) and makes
// others to where they were going: whoever is far away never sees a packet of the
// container's. The link to the container is a copy within one kernel, which loses
// nothing unless a queue overflows; the stack is correct on worse links, and fast
// on this one.
//
// One thread does everything, from one epoll set, without locks. Packets are read
// into one buffer and written from another; what has to be kept lies in blocks of
// a pool. Nothing is allocated for a packet. Everything that a container can make
// grow has a bound: connections, datagram flows, fragments, blocks.
package stack
