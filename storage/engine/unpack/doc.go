// Package unpack writes a layer, a tar stream as image-spec/layer.md has it,
// into a directory that overlayfs can use as a lower one. It is the hot path of
// a pull, and its input is hostile: start at [Unpack], [Options] and [Limits].
//
// # What it makes
//
// The same tree that containers/storage makes of the same stream, so that
// podman and Coracle share layers; a test compares the two. Whiteouts become
// character devices 0:0, an opaque directory gets overlay's mark as an extended
// attribute, owners are image ids as the user namespace maps them. In a user
// namespace devices are left out, since the kernel makes none there.
// Directories that the stream goes through and does not name belong to root,
// mode 0755, whatever the umask.
//
// Where the library fails and we do not: a name that comes twice with the same
// content, a whiteout beside the thing it would delete (image-spec: it means
// the lower layers only), a sparse file. Attributes that belong to overlayfs
// itself (user.overlay.*, trusted.overlay.*) are not taken from a stream, and a
// capability bound to some other host's user namespace is bound to ours.
//
// # What it never does
//
// No path of the stream is joined with the directory's name. A parent
// directory is opened by openat2(2) beneath the root without following links;
// what is not reached so is walked component by component, a link being
// followed in the stream's own root as chroot would. The last component is
// handed to the kernel alone, with calls that do not follow it. So whatever is
// in the stream, nothing outside of the directory is made, changed or removed.
//
// Nothing is synced: the caller does that once for all layers.
//
// # tar-split
//
// While it reads it writes down how to make the same bytes again from the
// directory (github.com/vbatts/tar-split, version 1 of its JSON form): headers
// and padding as they are, and for each file's content its name, size and
// CRC-64. A push needs it.
package unpack
