// Package cgroup puts containers under resource limits: it finds out where on this
// host a control group can be made, makes it, writes limits into it and reads them
// back, and removes it.
//
// A [Host] is what the host allows, decided once, in [Find]; a [Group] is one
// control group as directories of the cgroup file systems; [Limits] are what can
// be written there. What needs more than files (a systemd scope, or version 1 as
// root) is asked of the image engine by those who use this package: it starts no
// program and speaks to no bus.
package cgroup
