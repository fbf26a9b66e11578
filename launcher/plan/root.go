package plan

import (
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

var (
	cwd      = tape.Flags(0xffffffffffffff9c, "AT_FDCWD")
	empty    = tape.Str("")
	fromHere = tape.Flags(unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH")
	ontoFD   = tape.Flags(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH")
	clone    = tape.Flags(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC")
	cloneRec = tape.Flags(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE")
)

// root mounts the root file system in the supervisor, as mapped root of the base
// namespace, whose power over the upper directory the container must not have,
// and attaches a copy of the mount in the container's own mount namespace.
func (p *planner) root() error {
	r, h, c := p.Root, p.host, p.child
	h.do("what is made here has the mode it is given, whatever the caller masks", tape.Umask, tape.Int(0))
	tree := clone
	switch {
	case len(r.Lower) > 0:
		if err := p.stack(r, true); err != nil {
			return err
		}
	case r.Dir != "":
		r.Mount, tree = r.Dir, cloneRec
	default:
		return errors.New("no root file system")
	}
	p.rootfd = h.get("the root file system, as a mount to hand on", tape.OpenTree, cwd, tape.Str(r.Mount), tree)
	if len(r.Lower) == 0 {
		h.do("nothing mounted later on the directory reaches the container, or the other way round", tape.MountSetattr, tape.From(p.rootfd), empty,
			recursiveEmpty, mountAttr(0, 0, unix.MS_PRIVATE), attrSize)
	}
	c.do("mounts made here stay here", tape.Mount, empty, tape.Str("/"), empty, tape.Flags(unix.MS_REC|unix.MS_SLAVE, "MS_REC|MS_SLAVE"), tape.Int(0))
	p.scratch()
	c.do("attach the root file system above the old root, where the pivot below finds it", tape.MoveMount, tape.From(p.rootfd), empty, cwd, tape.Str("/"), fromHere)
	return nil
}

// overlayData bounds the data of mount(2): one page with its end.
const overlayData = 4095

// overlay mounts the kernel's overlay, in one call.
func (p *planner) overlay(r Root) error {
	// userxattr (Linux 5.11) is the only form a user namespace may use.
	data := "lowerdir=" + strings.Join(r.Lower, ":") + ",userxattr"
	if r.Upper != "" {
		data += ",upperdir=" + r.Upper + ",workdir=" + r.Work
		if r.Volatile {
			data += ",volatile"
		}
	}
	if len(data) > overlayData {
		return errors.New("the image has more layers than one overlay mount can name; squash it")
	}
	for _, s := range append([]string{r.Upper, r.Work}, r.Lower...) {
		if strings.ContainsAny(s, ",:\\") {
			return errors.New("overlay cannot name the directory " + s + ": it holds one of , : \\\n  fix: move the store to a path without them")
		}
	}
	h := p.host
	h.do("layers are named relative to here: the names must fit a page", tape.Chdir, tape.Str(r.Dir))
	h.do(StackWhy, tape.Mount, tape.Str("overlay"), tape.Str(r.Mount), tape.Str("overlay"), tape.Int(0), tape.Str(data))
	h.do("", tape.Chdir, tape.Str("/"))
	return nil
}

// owner gives the base ids of the container's root, if it has one.
func (p *planner) owner() (uid, gid uint32, ok bool) {
	if p.plan.UIDMap == "" {
		return p.Root.UID, p.Root.GID, true
	}
	uid, okU := toBase(p.spec.Linux.UIDMappings, 0)
	gid, okG := toBase(p.spec.Linux.GIDMappings, 0)
	return uid, gid, okU && okG
}

// inRoot opens a path beneath the container's root as a place to mount at.
// resolve adds RESOLVE_* flags of openat2(2).
func (p *planner) inRoot(why, path string, resolve uint64, text string) tape.Slot {
	how := tape.Words(unix.O_PATH|unix.O_CLOEXEC, 0, resolve|unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	return p.child.get(why, tape.Openat2, tape.From(p.rootfd), tape.Str(path),
		tape.Bytes(how, "{O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS"+text+"}"), tape.Int(len(how)))
}

// target makes sure that path exists beneath the root, as a directory or an
// empty file, and opens it.
func (p *planner) target(path string, isDir bool) tape.Slot {
	parts := strings.Split(strings.Trim(filepath.Clean("/"+path), "/"), "/")
	at := p.rootfd
	for i, name := range parts {
		whole := strings.Join(parts[:i+1], "/")
		if i < len(parts)-1 || isDir {
			p.child.do("a place for "+path, tape.Mkdirat, tape.From(at), tape.Str(name), tape.Flags(0o755, "0755"))
		} else {
			p.child.do("a place for "+path, tape.Mknodat, tape.From(at), tape.Str(name), tape.Flags(unix.S_IFREG|0o644, "S_IFREG|0644"), tape.Int(0))
		}
		p.child.allow(unix.EEXIST)
		at = p.inRoot("found beneath the root by the kernel", whole, 0, "")
	}
	return at
}

// attach mounts tree at place.
func (p *planner) attach(why string, tree, place tape.Slot) {
	p.child.do(why, tape.MoveMount, tape.From(tree), empty, tape.From(place), empty, ontoFD)
}
