// Package usernet connects containers to user networks, without privilege.
//
// While a network has members there is one network namespace for it, which the base
// user namespace owns, with a bridge in it and nothing else: no address, no route.
// The first member's supervisor makes it, every member's supervisor holds a
// descriptor of it, and so it lives exactly as long as its members. Nobody has to
// answer for it: who joins opens the descriptor of a living member by way of /proc,
// and makes sure that it is the namespace that the member's fact names.
//
// Members are facts, RUN/networks/NETWORK/CONTAINER, believed only while the
// container's lock is held: after kill -9 the next who joins or leaves sweeps
// what is left. Addresses are given out under a lock on the network's directory.
//
// Start from [Store]: [Store.Join] makes a [Membership], [Store.Members] is for who
// only looks.
package usernet
