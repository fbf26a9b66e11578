// Package archive reads images out of files and directories that anybody may
// have made: what `docker save`, `podman save` and `skopeo copy` write, an OCI
// layout in a directory, and either in a tar. Start from [Open].
//
// Nothing is ever unpacked. The tar is read once, header by header, into an
// [index] of names and places; images then read their blobs straight from there,
// several at a time. A name leads to a member of the archive or nowhere. Entries,
// names, and every file that is held in memory are bounded; two members of one
// name must be the same. Whether blobs are what their digests say is for who
// takes them: package engine verifies all.
package archive
