// Package record holds what the launch path must know of an image without
// opening the image store: one small file per reference.
//
// The image store (containers/storage) is JSON under lock files and costs tens
// of milliseconds and a heavy program to read. What a launch needs of it is a
// page of text: the image's id, its configuration and the directories of its
// layers. The heavy program (package storage/engine) writes that page once as
// a [Record]; the light one reads it back with [Load] and asks [Record.Stale]
// whether it still speaks the truth.
//
// # Validity
//
// A record carries [Token]s, the facts it was derived from: the last-writer
// bytes that containers/storage leaves in its lock files at each change, and
// the size and times of the configuration files (storage.conf,
// registries.conf, an archive) that led to the answer. All of them unchanged
// means the record is as good as a new look. Nothing is ever repaired: a
// record that is damaged, too large, of another version or stale is absent,
// and the engine is asked again.
//
// The token of images.lock is hard: an image cannot lose its layers without a
// write to it, because containers/storage refuses to delete a layer that an
// image uses, and deletes the image's entry before its layers. The token of
// layers.lock changes also when podman creates a container, which harms no
// image; so when only that one changed, the record still holds if every layer
// directory is there (one stat each).
//
// # Format
//
// Text, one fact a line: a key, a space, one or two values, each a bare word
// or a quoted Go string. The first line is the version, the last one the CRC-32
// (IEEE, 8 hexadecimal digits) of all bytes before it.
//
//	coracle-record 1
//	ref "debian:12"
//	id 5f3c…                              64 hexadecimal digits
//	name "docker.io/library/debian:12"    repeated
//	digest sha256:…                       of the manifest
//	platform linux/amd64
//	size 123456                           bytes, unpacked
//	ids 65534 65534                       highest uid and gid in the layers
//	dir "/home/ana/.local/share/containers/storage/overlay"
//	layer "l/ABC…" "/home/…/overlay/<id>/diff"   top first, repeated
//	env, entrypoint, cmd, volume, port    repeated, in order
//	label "key" "value"                   repeated, sorted by key
//	user, workdir, stopsignal
//	lock "/…/overlay-images/images.lock" <hex of its first 64 bytes>
//	soft "/…/overlay-layers/layers.lock" <same>
//	file "/etc/containers/storage.conf" <state, or - when absent>
//	raw 2710                              then so many bytes of JSON, a newline
//	sum 1c291ca3
//
// The package also holds the words that the light and the heavy program
// exchange ([Request], [Answer], [Problem], [Environ]); it imports nothing
// beyond the standard library and golang.org/x/sys/unix.
package record
