// Package tape describes kernel operations as data and runs them in a raw child.
//
// An [Op] is one system call: its name, its arguments, where its result goes,
// which errors it tolerates, and the reason it is there. A list of them is a
// program without branches: it is computed in full before anything happens, it
// can be printed, sent to another process, and executed by either of two
// executors with the same outcome.
//
//   - [Start], the fast one, clones a child that shares or copies this
//     process's memory and walks the list with registers only, in assembly: no
//     Go runtime starts, no stack is touched. Seven hundred microseconds
//     cheaper than re-executing a Go program.
//   - [Run], the plain one, is a Go loop over the same list in the calling
//     thread. A supervisor uses it for its own operations, and a re-executed
//     process for a container's where no assembly exists; tests hold the two
//     against each other.
//
// Arguments are numbers, results of earlier operations ([Slot]), or memory
// ([Blob]), which may itself point at other memory or hold results.
package tape
