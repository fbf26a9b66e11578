// Package intent turns what was asked (flags), what the image says (its config) and what this host is
// (facts) into an OCI runtime spec: the border between what a container is and how it is made.
//
// Every decision of a launch that is not the order of system calls is taken here: which namespaces,
// which mounts with which flags, which user, which capabilities. Nothing here changes the system, and
// nothing is read from it but through [View] (the image's files, bounded) and [HostFacts]. The same input
// gives the same spec, so `--explain` and a real launch cannot differ.
//
// # Where to start
//
// [Options] is the command line as data; its field tags are for github.com/alecthomas/kong, which this
// package does not import. [Options.Check] finds what contradicts itself before an image is fetched.
// [Build] does the rest and returns the spec and the [Extras], which are the things a launch needs and the
// OCI spec has no word for.
//
// # Rules
//
//   - An option that cannot be honoured is an error that wraps [ErrNotYet], [ErrUnsupported],
//     [ErrInvalid], [ErrConflict] or [ErrNotFound]; it is never ignored (apptainer CVE-2025-65105).
//   - Nothing the image says reads the host: an Env entry without "=" or with "*" is dropped
//     (podman CVE-2026-57231), and its passwd and group files are read with a bound.
//   - Where docker and podman differ, the stricter reading is taken and the comment beside it says so.
package intent
