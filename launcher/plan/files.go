package plan

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// scratch mounts a tmpfs between the old root and the new one. Mounts may be
// copied from it, which Linux before 6.15 allows of attached file systems only,
// and it goes away with the old root.
func (p *planner) scratch() {
	if len(p.Files) == 0 && len(p.spec.Linux.MaskedPaths) == 0 {
		return
	}
	c := p.child
	ctx := c.get("for generated files and masks", tape.Fsopen, tape.Str("tmpfs"), tape.Flags(unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"))
	c.do("", tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"), tape.Str("mode"), tape.Str("755"), tape.Int(0))
	c.do("", tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"), tape.Int(0), tape.Int(0), tape.Int(0))
	o := parseOptions([]string{"nosuid", "nodev", "noexec"})
	p.scratchfd = c.get("", tape.Fsmount, tape.From(ctx), tape.Flags(unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"), tape.Flags(o.set, o.text))
	c.do("above the old root, and gone with it", tape.MoveMount, tape.From(p.scratchfd), empty, cwd, tape.Str("/"), fromHere)
}

// files writes the generated files and binds each over its place: the image's
// own file stays as it is, and a read-only root can have them.
func (p *planner) files() error {
	c := p.child
	for i, f := range p.Files {
		name := strconv.Itoa(i)
		fd := c.get(f.Path, tape.Openat, tape.From(p.scratchfd), tape.Str(name),
			tape.Flags(unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, "O_CREAT|O_EXCL|O_WRONLY|O_CLOEXEC"),
			tape.Flags(uint64(f.Mode), fmt.Sprintf("%#o", f.Mode)))
		if len(f.Content) > 0 {
			c.do("", tape.Write, tape.From(fd), tape.Bytes(f.Content, strconv.Itoa(len(f.Content))+" bytes"), tape.Int(len(f.Content)))
			c.positive()
		}
		tree := c.get("", tape.OpenTree, tape.From(p.scratchfd), tape.Str(name), clone)
		if f.ReadOnly {
			c.do("", tape.MountSetattr, tape.From(tree), empty, emptyPath, mountAttr(unix.MOUNT_ATTR_RDONLY, 0, 0), attrSize)
		}
		p.attach("at "+f.Path, tree, p.target(f.Path, false))
	}
	return nil
}
