// Package containerfs reads and writes the root file systems of containers: as a
// tar archive, as a layer, as a list of changes, and file by file.
//
// A container is hostile, and may run: names and links change while they are
// read. So no path is ever joined with a root's. Whatever is named from outside
// is resolved by the kernel beneath the root ([Root.Open], openat2(2), Linux
// 5.6); from there every step is one name in an open directory, never following a
// link, looked at (O_PATH) before it is opened. Nothing of the container is
// executed, loaded or asked.
//
// Start from [Root], a side of a copy, [Tree], which walks one, and [Writer],
// which makes what a walk or an archive says. The package knows no store and no
// process.
package containerfs
