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
// /proc/self/exe, which needs no name. It does that when it makes an archive of
// a layer without a tar-split record (storage-tar), and for each new layer of a
// store in a form that is the library's (storage-untar, see library.go).
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
// # How an image comes in
//
// Per layer, side by side and in any order, without the store's lock: the blob
// is read (blobStream: started again where it broke off), its length and digest
// checked (verifier), decompressed (package decode), its DiffID computed, and
// written out below <graphroot>/overlay/staging, a directory that the store's
// driver makes and locks (package unpack, through the library's Differ). Only a
// layer that proved to be what the configuration says is added to the store, by
// a rename, from the bottom up, under the name that the library would give it
// (stack). Layers that are there, in whatever image, are not fetched: the same
// content on other parents is unpacked from the store itself. One syncfs(2)
// then writes all of them, and the library's transport makes the image's record.
//
// # Crashes
//
// A pull that is killed at any moment leaves, and the next engine or
// [Store.SweepIncoming] removes:
//
//   - <scratch>/pull-*, its directory: nobody holds the lock in it;
//   - overlay/staging/*, half-unpacked layers: nobody holds staging.lock. podman
//     sweeps them too;
//   - layers in the store that no image has: each has a file in <scratch>/layers
//     from before it was added until an image has it (see hold), synced first, so
//     that a power cut leaves no layer without one. A layer whose file nobody
//     has locked is deleted, unless some image uses it after all;
//   - what the library was in the middle of: layers marked incomplete in
//     layers.json and its own temporary directories, which it removes itself when
//     it opens the store for writing.
//
// # What it builds on
//
// The image library's transports deliver manifests and blobs, and its storage
// transport keeps images' records; this package drives the two itself (see
// copying), because the library's own copy package drags in a terminal library that costs
// 5 to 45 ms at each start. Building needs the tags in the file BUILD_TAGS;
// without them the package is a stub that says so.
package engine
