// Package baseimage makes the image that travels inside Coracle: a real OCI
// image of two layers, small, with a shell and the usual tools, so that the
// first container starts without a network.
//
// The tools are Debian's busybox-static: one file of 2 MB (1 MB compressed) that
// needs no libraries and no build. The alternative, u-root's Go commands linked
// into one program, would be larger and a long build of many modules. Busybox's
// licence is the GNU GPL, version 2: the image carries Debian's copyright file
// and says where the source is (see [Options]).
//
// The same input gives the same bytes: entries are sorted, times are fixed,
// and no machine's, user's or clock's data enters. (The compressed form is that
// of the Go version at hand.)
//
// It runs at build time only, from storage/baseimage/cmd/mkbase, and is linked
// into no program that is shipped.
package baseimage
