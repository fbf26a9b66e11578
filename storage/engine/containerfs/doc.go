// Package containerfs reads and writes what containers have, their root file
// systems and volumes: as a tar archive, as a layer, as a list of changes, and file
// by file.
//
// A container is hostile, and may run: names and links change while they are
// read. So no path is ever joined with a root's. Whatever is named from outside
// is resolved by the kernel beneath the root ([Root.Open], openat2(2), Linux
// 5.6); from there every step is one name in an open directory, never following a
// link, looked at (O_PATH) before it is opened. CVE-2018-15664 was a copy, and
// CVE-2023-0778 a volume's export, that trusted a path. Nothing of the container is
// executed, loaded or asked.
//
// Archives are no less hostile. [Limits] bound what they may ask for, and none of
// their members is made outside of where it is unpacked.
//
// Start from [Root], a side of a copy, [Tree], which walks one, and [Writer],
// which makes what a walk or an archive says. [ExportVolume] and [ImportVolume] use
// them for whole volumes, in which no link is ever followed, and whose owners are told
// as they are on disk, ids of the base user namespace. The package knows no store
// and no process.
package containerfs
