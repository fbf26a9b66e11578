package plan

import (
	"strings"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// enter makes the attached root the root and lets go of the old one.
func (p *planner) enter() error {
	c := p.child
	p.workdir()
	readonly := p.readonly
	if p.spec.Root != nil && p.spec.Root.Readonly {
		readonly = append(readonly, p.rootfd)
	}
	for _, fd := range readonly {
		c.do("read-only, as asked", tape.MountSetattr, tape.From(fd), empty, emptyPath, mountAttr(unix.MOUNT_ATTR_RDONLY, 0, 0), attrSize)
	}
	c.do("", tape.Fchdir, tape.From(p.rootfd))
	c.do("the root file system becomes the root", tape.PivotRoot, tape.Str("."), tape.Str("."))
	// The old root lies above the new one now, and umount2 takes what is
	// uppermost: one call for each file system of that pile.
	detach := tape.Flags(unix.MNT_DETACH, "MNT_DETACH")
	if p.scratchfd != 0 {
		c.do("generated files stay where they are bound", tape.Umount2, tape.Str("."), detach)
	}
	c.do("the old root is gone for good", tape.Umount2, tape.Str("."), detach)
	c.do("", tape.Chdir, tape.Str("/"))
	return nil
}

// workdir makes the working directory, beneath the root (CVE-2026-55686).
func (p *planner) workdir() {
	if cwd := p.spec.Process.Cwd; cwd != "" && cwd != "/" {
		p.target(cwd, true)
	}
}

// chdir enters the working directory, after the container's user is in place so
// that its rights count, and through no magic link: /proc/self/fd/N must not
// lead out (CVE-2024-21626).
func (p *planner) chdir() {
	dir := p.spec.Process.Cwd
	if dir == "" || dir == "/" {
		return
	}
	how := tape.Words(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	fd := p.child.get("the working directory "+dir, tape.Openat2, tape.From(p.rootfd), tape.Str(strings.TrimPrefix(dir, "/")),
		tape.Bytes(how, "{O_PATH|O_DIRECTORY|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}"), tape.Int(len(how)))
	p.child.do("the user enters the working directory "+dir, tape.Fchdir, tape.From(fd))
}
