// Package nft writes rules of nf_tables, by nothing but its netlink messages.
//
// It knows the few expressions that a network of containers needs. Its tables are
// owned: the kernel (5.12 and later) lets nobody change them but the socket that
// made them, and removes them when the last descriptor of that socket is closed,
// however its holders end. Other programs' "nft flush ruleset" leaves them alone.
//
// github.com/google/nftables cannot do that, since its socket is its own; and it
// would be one more program to start in every launch.
//
// Start from [Dial] and [Batch].
package nft
