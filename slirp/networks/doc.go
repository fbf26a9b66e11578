// Package networks keeps the records of user networks: which there are, and what
// each is. Nothing runs here: a network's namespace is made by its members and goes
// with them, its record stays until somebody removes it.
//
// Start from [Store]. A record is a file, NAME.json, that is written to another name,
// synced, and renamed, so that a crash leaves the old state or the new. The network
// [DefaultName] is always there, without a record.
package networks
