// Package relay leads ports of one network namespace into another by connections
// of its own: who connects to a listener is connected with a server in the other
// namespace, and bytes are passed on both ways. Start from [Start].
//
// It works with whatever network the other namespace has, and needs nothing of it:
// its one thread has joined the namespace, where it makes the sockets that connect,
// while the listeners are of the namespace where they were made (sockets stay where
// they are born: network_namespaces(7)). The price is that servers see the
// namespace's own address as every client's. They never see the loopback
// address, which many programs trust (CVE-2021-20199).
package relay
