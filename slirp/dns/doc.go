// Package dns reads and writes what a name server needs that stands in front of
// another: the question of a message, the addresses that an answer gives for it,
// and short answers of its own (RFC 1035, RFC 6891). Start from [ParseQuestion],
// [ParseAnswer] and [Question.Reply].
//
// Both are hostile input: what a container asks, and what a server far away
// answers. Nothing is believed before its length was looked at; a name follows
// pointers only backwards, so there are no loops; records beyond a bound are not
// looked at.
package dns
