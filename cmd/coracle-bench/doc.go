// Command coracle-bench measures coracle beside the programs that do a similar
// job, podman, crun, bwrap and unshare, as far as they are installed; it
// installs nothing.
//
// # What is compared
//
// Every program runs `true`, without a network, on the same files: the base
// image that coracle carries, or one made of a static busybox. They do not do
// the same work. Coracle and podman start from an image store and give the
// container a writable layer of its own. crun gets those files as a directory,
// with a configuration that asks for what coracle does by default: the same id
// maps, every namespace but time, the default seccomp profile, masked paths. It
// makes no overlay and no cgroup (coracle makes no cgroup either). Most of its
// time goes into compiling the filter, so "crun unfiltered" is shown beside it.
// bwrap and unshare do less again: one mapped id, no seccomp filter.
//
// # How
//
// All of them run in turn, forward in one round and backward in the next, so
// that whatever else the machine does meets all alike. Medians are compared;
// minima are shown beside them, because they say what the machine can do when
// nobody disturbs. Before the next program starts, everything that the last one
// left behind has ended: coracle answers before it cleans up, podman leaves a
// clean-up process. How long that takes (column "gone") and the processor time
// of all processes together (column "cpu") are shown too.
//
// # Storage
//
// With -storage the programs do what one does with an image: pull it from a
// registry that this program starts on the loopback, pull it again, pull another
// one with the same layers, run it with --userns keep-id, commit, save, remove,
// load. The image is a Debian root file system in several layers, made once with
// mmdebstrap and kept in the user's cache. Every program has a store of its own,
// all on one file system, and takes its turn in each round; skopeo copy knows no
// containers and does what it can. "curl, then tar -x" fetches the same blobs and
// unpacks them with their owners, which is the work that nobody can leave out:
// it makes no copies to push from, checks no digest and syncs nothing.
//
// # Networks
//
// With -net, coracle's network stack stands between two network namespaces made
// for the run, beside slirp4netns, pasta and, as the limit, a pair of veth devices
// that root would make. This program itself is the load, at both ends, and fails
// when they do not count the same. All paths are there at once and are measured in
// turn. CPU is that of both ends and of what is between them: the steadiest figure
// on a machine that does other things, too. Memory at rest is that of the real
// program's supervisor, with a network and without.
//
// # As whom
//
// Root does not measure: it makes the user coracle-bench, with subordinate ids,
// runs the benchmark as that user in a mount namespace where /sys/fs/cgroup is
// cgroup2 (podman refuses a hybrid hierarchy), kills what is left by pid, and
// removes the user with its home. Anybody else measures as oneself, in a
// temporary home directory.
package main
