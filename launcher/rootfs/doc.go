// Package rootfs opens the root file systems of containers, for a process that is
// mapped root of the base user namespace: of running ones through their
// processes, of stopped ones by mounting them as a launch would, in a mount
// namespace that only one thread has. Start from [Opener].
package rootfs
