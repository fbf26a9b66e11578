package plan

import (
	"errors"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// Volume says where a mount of the specification comes from when that is a
// volume or an image.
type Volume struct {
	// Data is a directory of the host, and Path the volume beneath it: no link is
	// followed on that way, for a container that has the user's home mounted could
	// put one there.
	Data, Path string
	// Stack is an image, mounted below Base.
	Stack *Root
	// Sub is the part to mount. Links in a volume may lead within it, links in an
	// image mean what they mean there; none leads out.
	Sub string
	// File says that Sub is no directory.
	File bool
	// Upper and Work are the directories that an overlay's changes go to when they
	// outlive the container; its lower directory is the mount's source then.
	Upper, Work string
	// Base is a directory, made when needed, for an overlay's directories.
	Base string
	// Name is how messages call it.
	Name string
}

const (
	beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS
	inImage = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	noLinks = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS
)

// volume mounts a volume or an image at dest.
func (p *planner) volume(dest string, m specs.Mount, o parsed, v *Volume) error {
	tree, err := p.volumeTree(dest, m, v)
	if err != nil {
		return err
	}
	p.attach("at "+dest, tree, p.placeFor(dest, !v.File))
	if o.propagation == 0 {
		o.propagation = unix.MS_PRIVATE
	}
	p.child.do("options and propagation of "+dest, tape.MountSetattr, tape.From(tree), empty, recursiveEmpty, mountAttr(o.set, o.clear, o.propagation), attrSize)
	return nil
}

func (p *planner) volumeTree(dest string, m specs.Mount, v *Volume) (tree tape.Slot, err error) {
	resolve, text := uint64(beneath), "RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS"
	if v.Sub != "" && p.Root.Fuse != "" && v.Stack != nil {
		return 0, errors.New("a part of an image needs the kernel's overlay, which does not work here")
	}
	var from tape.Slot
	switch {
	case v.Upper != "":
		r := p.overlayDirs(dest, v.Base, false)
		r.Dir, r.Lower, r.Upper, r.Work, r.Volatile = "/", []string{m.Source}, v.Upper, v.Work, false
		if err := p.stack(r, false); err != nil {
			return 0, err
		}
		from = p.hostOpen(m.Source+" and its changes", 0, r.Mount, 0, "0")
	case v.Stack != nil:
		resolve, text = inImage, "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS"
		if from, err = p.imageTree(dest, v); err != nil {
			return 0, err
		}
	case m.Type == "overlay":
		if from, err = p.layeredVolume(dest, v); err != nil {
			return 0, err
		}
	default:
		from = p.openVolume(v)
	}
	if v.Sub != "" {
		from = p.hostOpen("the part "+v.Sub+" of "+v.Name+", found beneath it by the kernel", from, v.Sub, resolve, text)
	}
	return p.host.get("as a mount to hand on", tape.OpenTree, tape.From(from), empty,
		tape.Flags(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_EMPTY_PATH, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE|AT_EMPTY_PATH")), nil
}

// hostOpen opens a place as a descriptor without rights (O_PATH).
func (p *planner) hostOpen(why string, at tape.Slot, path string, resolve uint64, text string) tape.Slot {
	dir := cwd
	if at != 0 {
		dir = tape.From(at)
	}
	how := tape.Words(unix.O_PATH|unix.O_CLOEXEC, 0, resolve)
	return p.host.get(why, tape.Openat2, dir, tape.Str(path), tape.Bytes(how, "{O_PATH|O_CLOEXEC, "+text+"}"), tape.Int(len(how)))
}

func (p *planner) openVolume(v *Volume) tape.Slot {
	data := p.hostOpen("where volumes lie", 0, v.Data, 0, "0")
	return p.hostOpen(v.Name+"; no link leads there", data, v.Path, noLinks, "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS")
}

// overlayDirs makes the directories of an overlay and returns it without layers.
func (p *planner) overlayDirs(dest, base string, writable bool) Root {
	r := Root{Mount: filepath.Join(base, "root"), Volatile: p.Root.Volatile, Fuse: p.Root.Fuse}
	dirs := []string{base, r.Mount}
	if writable {
		r.Upper, r.Work = filepath.Join(base, "upper"), filepath.Join(base, "work")
		dirs = append(dirs, r.Upper, r.Work)
	}
	for _, d := range dirs {
		p.host.do("for the changes at "+dest, tape.Mkdirat, cwd, tape.Str(d), tape.Flags(0o755, "0755"))
		p.host.allow(unix.EEXIST)
	}
	return r
}

// imageTree mounts an image's layers.
func (p *planner) imageTree(dest string, v *Volume) (tape.Slot, error) {
	r := p.overlayDirs(dest, v.Base, v.Stack.Upper != "")
	r.Dir, r.Lower, r.Data = v.Stack.Dir, v.Stack.Lower, v.Stack.Data
	if r.Upper == "" && len(r.Lower) == 1 && r.Fuse == "" && len(r.Data) == 0 {
		// The kernel wants two lower directories where there is no upper one.
		none := filepath.Join(v.Base, "none")
		p.host.do("nothing, below the only layer", tape.Mkdirat, cwd, tape.Str(none), tape.Flags(0o755, "0755"))
		p.host.allow(unix.EEXIST)
		r.Lower = append(r.Lower[:1:1], none)
	}
	if err := p.stack(r, false); err != nil {
		return 0, err
	}
	return p.hostOpen("the files of "+v.Name, 0, r.Mount, 0, "0"), nil
}

// layeredVolume shows a volume whose changes go elsewhere.
func (p *planner) layeredVolume(dest string, v *Volume) (tape.Slot, error) {
	r := p.overlayDirs(dest, v.Base, true)
	if r.Fuse != "" {
		r.Dir, r.Lower = filepath.Join(v.Data, v.Path), []string{"."}
		if err := p.stack(r, false); err != nil {
			return 0, err
		}
		return p.hostOpen(v.Name+" and its changes", 0, r.Mount, 0, "0"), nil
	}
	volume := p.openVolume(v)
	data := "lowerdir=.,userxattr,upperdir=" + r.Upper + ",workdir=" + r.Work
	if r.Volatile {
		data += ",volatile"
	}
	h := p.host
	h.do("overlay takes names; this one cannot be exchanged", tape.Fchdir, tape.From(volume))
	h.do("a layer above "+v.Name, tape.Mount, tape.Str("overlay"), tape.Str(r.Mount), tape.Str("overlay"), tape.Int(0), tape.Str(data))
	h.do("", tape.Chdir, tape.Str("/"))
	return p.hostOpen(v.Name+" and its changes", 0, r.Mount, 0, "0"), nil
}
