// Package seccomp decides which system calls a container may make, and turns that decision into
// the classic BPF program that seccomp(2) takes. It is pure Go: no libseccomp, no cgo.
//
// A decision is a [specs.LinuxSeccomp], the OCI runtime spec's type. It comes from [Default], or
// from a JSON profile of docker's or podman's kind through [ParseProfile]. [Compile] turns it into
// a filter, [Describe] counts what a filter does, [FilterFlags] gives the flags to attach it with.
// The package never attaches a filter itself and never asks the kernel anything but its release
// ([HostKernel]).
//
// # What a filter does
//
// It looks at the architecture, then at the call number in a balanced tree of number ranges, and
// only then, for the few calls that have argument rules, at arguments:
//
//   - A call from another architecture than the filter's (i386 on amd64, 32-bit arm on arm64) kills
//     the process with SIGSYS. A second call table would double the surface; libseccomp kills too;
//     and a killed program is in the audit log and says "Bad system call", where one that sees
//     errors from every call, exit included, just crashes.
//   - An x32 call (bit 30 of the number on amd64) answers ENOSYS, as a kernel without x32 does.
//   - A call newer than every call the profile names answers ENOSYS, so that libraries fall back to
//     an older one; the rule and its limits are runc's. It applies unless the default action lets
//     calls through (ALLOW, LOG, TRACE).
//   - Every other call gets the action of the rules that match it, else the default action.
//
// # Several rules for one call
//
// The conditions of one rule must all hold, except that a rule with two conditions on the same
// argument is one rule per condition (as in runc and crun). Of all the rules that hold, the most
// restrictive action wins, in the kernel's own order (seccomp(2): KILL_PROCESS, KILL_THREAD, TRAP,
// ERRNO, TRACE, LOG, ALLOW); between equals, the first in the profile. For rules that do not
// overlap this is what libseccomp does. For rules that do overlap, libseccomp lets an unconditional
// ALLOW swallow a conditional ERRNO, and runc drops a rule whose action is the default one: a
// "deny chmod" added to docker's profile then does nothing, silently. Here it denies.
//
// # Arguments
//
// A register has 64 bits, but most arguments are an int and the kernel reads 32 of them. A rule on
// such an argument looks at those bits only: socket(1<<32|38) opens AF_ALG just as socket(38)
// does. Which arguments those are is a table, taken from the kernel's prototypes (widths.go).
package seccomp
