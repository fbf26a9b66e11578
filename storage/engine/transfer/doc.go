// Package transfer moves images between the store and everything else: it
// pushes to registries and directories, saves and loads archives, imports root
// file systems, and keeps credentials. It knows no command line and no container.
//
// # Out of the store
//
// [Sender] takes an image to any of the image library's destinations: it drives
// ImageDestination itself (blobs, manifest, signatures, commit) as package
// engine does for pulls, because the library's own copy package is slow to
// start. A layer is put together again from the store's directory and its
// tar-split, without the store's lock, so several travel at once; its digest is
// verified on the way, so what leaves is what came in. Compressed, it has another
// digest than it had when it was pulled; which one, and where it has been sent,
// is remembered ([Cache]), so that the next push uploads nothing.
//
// # Into the store
//
// Archives are read by package archive, which trusts nothing in them, and taken
// in by [engine.Store.Take], the way of a pull.
package transfer
