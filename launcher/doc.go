// Package launcher takes a container from intent to exit status.
//
// Three processes take part. The caller ([Run]) is the user's command in the
// host's namespaces: it computes the launch plan, shows it or sends it, relays
// signals and the terminal, and returns the exit status. The supervisor
// ([Supervise]) is one process per container, mapped root in the user's base
// user namespace with mounts of its own: it executes the plan's host part,
// clones the container, waits for it, and cleans up. The container's first
// process executes the rest of the plan and becomes the user's command.
//
// The caller may die at any time; the supervisor and the container go on. When
// the supervisor dies, the kernel takes its mounts, and the container with it.
package launcher
