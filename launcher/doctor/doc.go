// Package doctor finds out what this host lets an unprivileged user do.
//
// [Run] answers a list of [Check], one for each entry of [Features], which is
// the one place that lists the kernel and host features Coracle uses: what it
// is for, what is lost without it, and whether anything runs without it.
//
// A feature is tried, never believed: a switch under /proc/sys is read only to
// explain a trial that failed, because the switches differ by distribution and
// an outer container, a security module or a seccomp filter can take away what
// they promise. Trials that need new namespaces run in a child: this program
// again, started under the name [ProbeName], which main hands to [Probe].
// Nothing is changed on the host; the only things made are an empty directory
// beside the store and one in the cgroup tree, removed before Run returns.
//
// Everything read from outside goes through a [Host], so tests can describe
// hosts they do not have.
package doctor
