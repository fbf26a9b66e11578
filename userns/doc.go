// Package userns answers who the user is, which ids the user may map, and how.
//
// An unprivileged process may give a new user namespace one id of its own, or,
// through the setuid helpers newuidmap(1) and newgidmap(1), the subordinate
// ranges that subuid(5) and subgid(5) grant. [Lookup] finds the grant, the
// [Grant] writes it into a namespace, and [Grant.Container] computes the maps
// of a container's own namespace below it.
//
// Three kinds of id appear here. A host id is what /etc/subuid speaks of. A
// base id is what the user's base namespace shows: 0 is the user, 1 and up are
// the subordinate ranges one after the other. A container id is what a process
// in the container sees. The package knows neither images nor containers.
package userns
