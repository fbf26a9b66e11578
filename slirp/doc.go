// Package slirp connects a container to the networks of its host without
// privilege and without a helper: a TUN device in the container's network
// namespace, and the stack of package stack behind it, in a thread of this
// process. Start from [Start].
//
// Nothing of the host's is open to the container by default: neither its loopback
// nor its own addresses, whichever way they are called ([Options.HostLoopback],
// [Options.HostPorts]). Names are asked of whichever server the host asks at that
// moment.
package slirp
