package plan

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// mounts makes what the specification lists, in its order.
func (p *planner) mounts() error {
	for _, m := range p.spec.Mounts {
		dest := filepath.Clean("/" + m.Destination)
		if dest == "/" {
			return fmt.Errorf("a mount cannot replace the container's root (%s)", m.Source)
		}
		if err := p.mount(dest, m); err != nil {
			return fmt.Errorf("mount at %s: %w", dest, err)
		}
	}
	if p.spec.Process.Terminal && p.tty == 0 {
		return errors.New("a terminal needs a /dev/pts of the container's own\n  fix: --mount type=devpts,destination=/dev/pts")
	}
	return nil
}

func (p *planner) mount(dest string, m specs.Mount) error {
	o := parseOptions(m.Options)
	if v := p.Volumes[dest]; v != nil {
		return p.volume(dest, m, o, v)
	}
	switch m.Type {
	case "bind", "none", "":
		return p.bind(dest, m, o)
	case "overlay":
		return p.overlayVolume(dest, m, o)
	case "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2":
		return p.fresh(dest, m, o)
	}
	return fmt.Errorf("file systems of type %q cannot be mounted in a user namespace", m.Type)
}

// fresh mounts a new file system.
func (p *planner) fresh(dest string, m specs.Mount, o parsed) error {
	c, fstype := p.child, m.Type
	if fstype == "cgroup" {
		fstype = "cgroup2"
	}
	readonly := fstype == "tmpfs" && o.set&unix.MOUNT_ATTR_RDONLY != 0
	if readonly { // later: what lies in it has to be made first
		o = parseOptions(slices.DeleteFunc(slices.Clone(m.Options), func(s string) bool { return s == "ro" || s == "rro" }))
	}
	place := p.place(dest)
	ctx := c.get(reasons[fstype], tape.Fsopen, tape.Str(fstype), tape.Flags(unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"))
	if m.Source != "" { // what mountinfo shows; df(1) and scripts look for it
		c.do("", tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"), tape.Str("source"), tape.Str(m.Source), tape.Int(0))
	}
	for _, d := range o.data {
		if k, v, ok := strings.Cut(d, "="); ok {
			c.do("", tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"), tape.Str(k), tape.Str(v), tape.Int(0))
		} else {
			c.do("", tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG"), tape.Str(k), tape.Int(0), tape.Int(0))
		}
	}
	c.do("", tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"), tape.Int(0), tape.Int(0), tape.Int(0))
	// Linux before 6.6 refuses a second mount of the same cgroup2 view.
	busy := fstype == "cgroup2"
	if busy {
		c.allow(unix.EBUSY)
	}
	tree := c.get("", tape.Fsmount, tape.From(ctx), tape.Flags(unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"), tape.Flags(o.set, o.text))
	if busy {
		c.allow(unix.EINVAL, unix.EBUSY)
	}
	p.attach("at "+dest, tree, place)
	if busy {
		c.allow(unix.EBADF)
	}
	if o.propagation != 0 && o.propagation != unix.MS_PRIVATE {
		c.do("propagation as asked", tape.MountSetattr, tape.From(tree), empty, emptyPath, mountAttr(0, 0, o.propagation), attrSize)
	}
	if readonly {
		p.readonly = append(p.readonly, tree)
	}
	switch dest {
	case "/proc":
		p.procfd = tree
	case "/dev":
		p.devfd = tree
		p.devices()
	case "/dev/pts":
		p.ptsfd = tree
		p.terminal()
	}
	return nil
}

// reasons says why each kind of file system is there.
var reasons = map[string]string{
	"proc":    "the container's own processes",
	"sysfs":   "the container's own network devices",
	"tmpfs":   "memory of the container's own",
	"devpts":  "terminals of the container's own",
	"mqueue":  "message queues of the container's own",
	"cgroup2": "the container's own part of the cgroup tree",
}

// place opens where dest is to be mounted. The places of /proc, /sys and /dev
// must not be symbolic links: what is later opened below them is trusted
// (CVE-2019-19921, CVE-2026-41579). Places below our own /dev are plain
// names in a tmpfs that nobody else has seen.
func (p *planner) place(dest string) tape.Slot {
	switch dest {
	case "/proc", "/sys", "/dev":
		p.child.do("a place for "+dest, tape.Mkdirat, tape.From(p.rootfd), tape.Str(dest[1:]), tape.Flags(0o755, "0755"))
		p.child.allow(unix.EEXIST)
		return p.inRoot("which must not be a symbolic link", dest[1:], unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV, "|RESOLVE_NO_SYMLINKS|RESOLVE_NO_XDEV")
	}
	return p.target(dest, true)
}

// bind hands a directory or file of the host on. The supervisor opens it, as
// the user: the container's root may have no right to the way there.
func (p *planner) bind(dest string, m specs.Mount, o parsed) error {
	how := clone
	for _, s := range m.Options {
		if s == "rbind" {
			how = cloneRec
		}
	}
	var tree tape.Slot
	if strings.HasPrefix(m.Source, "container:") {
		if dest != "/dev/shm" || p.plan.Borrow != nil {
			return fmt.Errorf("nothing but /dev/shm can come from %s", m.Source)
		}
		tree = p.borrow(m.Source)
	} else {
		tree = p.host.get("from the host: "+m.Source, tape.OpenTree, cwd, tape.Str(m.Source), how)
	}
	if len(o.data) > 0 {
		return fmt.Errorf("a bind mount has no option %q", o.data[0])
	}
	isDir := !p.NotDir(m.Source)
	place := p.placeFor(dest, isDir)
	p.attach("at "+dest, tree, place)
	at := emptyPath
	if how.Num == cloneRec.Num {
		at = recursiveEmpty
	}
	if o.propagation == 0 {
		o.propagation = unix.MS_PRIVATE
	}
	p.child.do("options and propagation of "+dest, tape.MountSetattr, tape.From(tree), empty, at, mountAttr(o.set, o.clear, o.propagation), attrSize)
	if dest == "/proc" {
		p.procfd = tree
	}
	return nil
}

func (p *planner) placeFor(dest string, isDir bool) tape.Slot {
	if isDir && (dest == "/proc" || dest == "/sys" || dest == "/dev") {
		return p.place(dest)
	}
	return p.target(dest, isDir)
}

// VolumeRoot is where the supervisor mounts a volume whose changes are in base.
func VolumeRoot(base string) string { return filepath.Join(base, "root") }

// overlayVolume shows a directory of the host whose changes go elsewhere: to
// the directory that holds the mount's upperdir and workdir.
func (p *planner) overlayVolume(dest string, m specs.Mount, o parsed) error {
	r := Root{Dir: "/", Lower: []string{m.Source}, Volatile: p.Root.Volatile, Fuse: p.Root.Fuse}
	for _, d := range o.data {
		if v, ok := strings.CutPrefix(d, "upperdir="); ok {
			r.Upper = v
		}
		if v, ok := strings.CutPrefix(d, "workdir="); ok {
			r.Work = v
		}
	}
	if r.Upper == "" || r.Work == "" {
		return errors.New("an overlay needs upperdir and workdir")
	}
	base := filepath.Dir(r.Upper)
	r.Mount = VolumeRoot(base)
	for _, d := range []string{base, r.Upper, r.Work, r.Mount} {
		p.host.do("for the changes at "+dest, tape.Mkdirat, cwd, tape.Str(d), tape.Flags(0o755, "0755"))
		p.host.allow(unix.EEXIST)
	}
	if err := p.stack(r, false); err != nil {
		return err
	}
	tree := p.host.get("the volume and its changes, as a mount to hand on", tape.OpenTree, cwd, tape.Str(r.Mount), clone)
	p.attach("at "+dest, tree, p.target(dest, true))
	p.child.do("options of "+dest, tape.MountSetattr, tape.From(tree), empty, emptyPath, mountAttr(o.set, o.clear, unix.MS_PRIVATE), attrSize)
	return nil
}
