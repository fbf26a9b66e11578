// Package archive writes a volume as a tar and fills one from a tar.
//
// What is in a volume is a container's, which may be running and exchange
// directories for links while this package works there (CVE-2023-0778 was a
// volume export through a link): every directory is opened by the kernel from
// the one above it, or beneath the volume, and no link is ever followed. A
// member of an archive that leads through a link, or out of the volume, is an
// error.
//
// Owners are ids of the base user namespace, as the volume has them on disk.
package archive
