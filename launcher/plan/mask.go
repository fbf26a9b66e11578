package plan

import (
	"strings"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// masks hides what the container must not see and makes read-only what it must
// not change. What covers a file is the host's /dev/null, never the image's
// (CVE-2025-31133); the places are opened without following a link.
func (p *planner) masks() error {
	var null, dir tape.Slot
	for _, path := range p.spec.Linux.MaskedPaths {
		exists, isDir := p.Kind(path)
		if !exists {
			continue
		}
		place := p.hidden(path)
		switch {
		case isDir:
			if dir == 0 {
				dir = p.emptyDir()
			}
			p.copyOnto("masked: "+path, dir, place)
		default:
			if null == 0 {
				null = p.host.get("the host's /dev/null, to mask files with", tape.OpenTree, cwd, tape.Str("/dev/null"), clone)
				p.child.do("attached, to be copied from", tape.Mknodat, tape.From(p.scratchfd), tape.Str("null"), tape.Flags(unix.S_IFREG, "S_IFREG"), tape.Int(0))
				p.child.do("", tape.MoveMount, tape.From(null), empty, tape.From(p.scratchfd), tape.Str("null"), fromHere)
				p.child.do("", tape.MountSetattr, tape.From(null), empty, emptyPath, mountAttr(0, 0, unix.MS_PRIVATE), attrSize)
			}
			p.copyOnto("masked: "+path, null, place)
		}
	}
	ro := parseOptions([]string{"ro", "nosuid", "nodev", "noexec"})
	for _, path := range p.spec.Linux.ReadonlyPaths {
		if exists, _ := p.Kind(path); !exists {
			continue
		}
		place := p.hidden(path)
		tree := p.child.get("", tape.OpenTree, tape.From(place), empty, cloneHere)
		p.child.do("", tape.MountSetattr, tape.From(tree), empty, recursiveEmpty, mountAttr(ro.set, 0, 0), attrSize)
		p.attach("read-only: "+path, tree, place)
	}
	return nil
}

// hidden opens a path of procfs or sysfs.
func (p *planner) hidden(path string) tape.Slot {
	return p.inRoot(path, strings.Trim(path, "/"), unix.RESOLVE_NO_SYMLINKS, "|RESOLVE_NO_SYMLINKS")
}

var cloneHere = tape.Flags(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE")

func (p *planner) copyOnto(why string, from, place tape.Slot) {
	tree := p.child.get("", tape.OpenTree, tape.From(from), empty, cloneHere)
	p.attach(why, tree, place)
}

// emptyDir is an empty, read-only directory to cover directories with.
func (p *planner) emptyDir() tape.Slot {
	c := p.child
	c.do("an empty directory", tape.Mkdirat, tape.From(p.scratchfd), tape.Str("empty"), tape.Flags(0o555, "0555"))
	tree := c.get("", tape.OpenTree, tape.From(p.scratchfd), tape.Str("empty"), clone)
	ro := parseOptions([]string{"ro"})
	c.do("", tape.MountSetattr, tape.From(tree), empty, emptyPath, mountAttr(ro.set, 0, 0), attrSize)
	c.do("attached, to be copied from", tape.MoveMount, tape.From(tree), empty, tape.From(p.scratchfd), tape.Str("empty"), fromHere)
	return tree
}
