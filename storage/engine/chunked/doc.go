// Package chunked makes a layer's tar stream of parts: files that lie in the store
// already, and those parts of a zstd:chunked blob that hold the others.
//
// Such a blob is an ordinary zstd stream in which the content of each file begins
// a frame of its own. Behind the data, where zstd skips it, lie a table of contents
// (file, digest, place in the blob) and all bytes of the tar that are not content
// ("tar-split"); the manifest's annotations say where
// (containers/storage, pkg/chunked/internal/minimal/compression.go).
//
// Nothing here is trusted. What comes out is a tar stream of which the caller
// verifies the digest and bounds the size, as of any other: a table that lies
// costs time, and the layer is fetched whole. Start with [FindIndex].
package chunked
