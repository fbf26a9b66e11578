// Package egress decides where a container may speak to: the rules of a user
// ([Parse]), the addresses that a name server has given out for names ([Given]),
// and what an address is ([Global], [Private], [Embedded]).
//
// A rule about a name opens no address by itself: one is open when the container
// was given it for that name, as long as it was given for. It never opens an
// address that is not a global one: whoever owns a name may have it point into a
// network of this machine's (DNS rebinding).
package egress
