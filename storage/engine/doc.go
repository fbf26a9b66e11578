// Package engine is the heavy half of storage: it opens the image store
// (containers/storage), pulls and imports images, and answers with the record
// that a launch needs (package storage/record). It is linked only into the
// program coracle-engine, which the light program starts when it has no valid
// record; it knows no container.
//
// # How it is started
//
// The first argument is the verb, "resolve" or "list". Standard input holds
// one JSON [record.Request]. Standard error gets progress: bars on a terminal,
// plain lines elsewhere, nothing when the request is quiet; no colour ever, so
// NO_COLOR is honoured. Descriptor 3 gets one JSON [record.Answer]. The exit
// status is 0, or 1 when the answer holds a problem; 2 means that descriptor 3
// could not be written. SIGINT and SIGTERM stop a pull and clean up after it.
//
// The starter must provide:
//
//   - the base user namespace, with the engine as user and group 0 in it and all
//     capabilities over it;
//   - a mount namespace that this user namespace owns (CLONE_NEWNS together with
//     or after CLONE_NEWUSER): containers/storage tests overlay by mounting one,
//     and would remember a refusal until the next boot. The engine looks, and
//     refuses to run without;
//   - /proc of a pid namespace it is in, and the starter's working directory, for
//     references like "oci:dir";
//   - the environment that [record.Environ] makes, nothing else. Rootless, that
//     is HOME, XDG_RUNTIME_DIR (if any) and the three _CONTAINERS_ variables at
//     least;
//   - descriptor 3 open for writing, others closed.
//
// It may be started from a sealed memfd: containers/storage re-executes
// /proc/self/exe, which needs no name. It does that once for each new layer
// (storage-untar, in a chroot of its own: pkg/chrootarchive) and when it makes
// an archive of a layer (storage-tar, for layers shared between unrelated
// images); never on the way to an answer from the store alone.
//
// # Which store
//
// Rootless: what storage.conf says, as podman reads it. A graphroot that the
// system's storage.conf gives for root (the libraries before and after podman 6
// differ in whether it counts for users) is taken only when it is not root's
// default.
//
// Real root has a store of its own, /var/lib/coracle/storage, unless
// CONTAINERS_STORAGE_CONF says otherwise. It cannot share podman's: in a user
// namespace the kernel reads and writes the overlay mark of an opaque directory
// as user.overlay.opaque, outside of one as trusted.overlay.opaque, so each
// would show files that the other's images deleted.
//
// # What it builds on
//
// The image library's transports deliver manifests and blobs, and its storage
// transport takes them in; this package drives the two itself (see copy.go),
// because the library's own copy package drags in a terminal library that costs
// 5 to 45 ms at each start. Building needs the tags in the file BUILD_TAGS;
// without them the package is a stub that says so.
package engine
