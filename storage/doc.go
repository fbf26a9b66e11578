// Package storage is what a launch needs to know about files: where an image's
// layers lie, what a path means inside them, and where a container keeps its
// own writable part.
//
// It is linked into the program that starts containers, so it is light: it
// reads directories and small files and asks the kernel. Pulling and unpacking
// images, with all that needs, happens in storage/engine, which is a second
// program.
//
// Start with [View], which reads files of an image that is not mounted;
// [Containers], the directories of containers, which are made by Create, found
// by Lookup and swept by Reap; and [Shifter], which makes copies of layers with
// other owners for id maps that move an image's ids.
//
// What is alive is known from locks alone. A container lives exactly as long as
// somebody holds the lock file in its directory open and locked; no file says
// "running". The package starts no process and mounts nothing.
package storage
