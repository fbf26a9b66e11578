package containerfs

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// Kind is what became of a file: the letter that docker and podman print.
type Kind byte

// The kinds of changes.
const (
	Added    Kind = 'A'
	Modified Kind = 'C'
	Deleted  Kind = 'D'
)

// Change is one line of `diff`.
type Change struct {
	Kind Kind
	Path string // absolute, in the container
}

// Changes compares an overlay's upper directory with what lies under it.
type Changes struct {
	Upper int // the upper directory, O_PATH
	// Lower is what it lies on, mounted, O_PATH; -1 for nothing.
	Lower int
	// Copied says that Upper is a whole root file system, copied from Lower, and not
	// only what differs; LowerOwners are the ids of Lower then.
	Copied              bool
	Owners, LowerOwners Owners
	// Hidden are places that the launcher made, to mount something there: absolute
	// paths. They are no changes unless there is something in them.
	Hidden map[string]bool
}

// visit is a change as the walk finds it. What was deleted has no descriptor.
type visit struct {
	Change
	fd   int
	stat unix.Stat_t
	// opaque says that a directory hides the one beneath it.
	opaque bool
	// parent says that a directory is there only because of what is in it; again,
	// that it was visited so, and has changed after all.
	parent, again bool
}

// List calls f with every change, a directory that changed because of what is in
// it not always before that.
func (c *Changes) List(ctx context.Context, f func(Change) error) error {
	return c.walk(ctx, func(v *visit) error {
		if v.parent {
			return nil
		}
		return f(v.Change)
	})
}

// level is a directory on the way down whose own line may not have been given.
type level struct {
	up    *level
	visit visit
	given bool
}

func (c *Changes) walk(ctx context.Context, f func(*visit) error) error {
	top := &level{visit: visit{Change: Change{Kind: Modified, Path: "/"}, fd: c.Upper}, given: true}
	return c.directory(ctx, top, c.Lower, f)
}

// directory visits what is in a directory of the upper layer; lower is the same
// directory beneath, or -1.
func (c *Changes) directory(ctx context.Context, at *level, lower int, f func(*visit) error) error {
	dir, names, err := list(at.visit.fd, at.visit.Path)
	if err != nil {
		return err
	}
	defer dir.Close()
	here := make(map[string]bool, len(names))
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		here[name] = true
		fd, st, err := look(int(dir.Fd()), name)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil {
			err = c.entry(ctx, at, lower, name, fd, &st, f)
			unix.Close(fd)
		}
		if err != nil {
			return fmt.Errorf("compare %q: %w", path.Join(at.visit.Path, name), err)
		}
	}
	if !c.Copied || lower < 0 {
		return nil
	}
	return c.missing(at, lower, here, f)
}

// missing visits what a copied root no longer has.
func (c *Changes) missing(at *level, lower int, here map[string]bool, f func(*visit) error) error {
	dir, names, err := list(lower, at.visit.Path)
	if err != nil {
		return err
	}
	dir.Close()
	for _, name := range names {
		full := path.Join(at.visit.Path, name)
		if here[name] || c.Hidden[full] {
			continue
		}
		if err := give(at, f); err != nil {
			return err
		}
		if err := f(&visit{Change: Change{Deleted, full}, fd: -1}); err != nil {
			return err
		}
	}
	return nil
}

// give gives the lines of directories that were waiting for a change within.
func give(at *level, f func(*visit) error) error {
	if at == nil || at.given {
		return nil
	}
	if err := give(at.up, f); err != nil {
		return err
	}
	at.given = true
	return f(&at.visit)
}

func (c *Changes) entry(ctx context.Context, up *level, lower int, name string, fd int, st *unix.Stat_t, f func(*visit) error) error {
	full := path.Join(up.visit.Path, name)
	if len(full) > maxName {
		return fmt.Errorf("a path of more than %d bytes", maxName)
	}
	below, low := -1, unix.Stat_t{}
	if lower >= 0 {
		var err error
		if below, low, err = look(lower, name); err == nil {
			defer unix.Close(below)
		} else if !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	if whiteout(st) {
		if below < 0 || whiteout(&low) || c.Hidden[full] {
			return nil // made and deleted again
		}
		// Both are changes of the directory as well.
		return c.both(up, &visit{Change: Change{Deleted, full}, fd: -1}, f)
	}
	v := visit{Change: Change{Added, full}, fd: fd, stat: *st}
	if below >= 0 && !whiteout(&low) {
		v.Kind = Modified
	}
	if is(st, unix.S_IFDIR) {
		return c.below(ctx, up, v, below, &low, f)
	}
	switch {
	case c.Hidden[full] && st.Size == 0:
		return nil
	case c.Copied && v.Kind == Modified && c.same(fd, below, st, &low):
		return nil
	case v.Kind == Added:
		return c.both(up, &v, f)
	}
	// The directory itself did not change; an archive needs it all the same.
	if !up.given {
		up.visit.parent = true
	}
	if err := give(up, f); err != nil {
		return err
	}
	return f(&v)
}

// both visits what was added or deleted, which changes its directory, too.
func (c *Changes) both(up *level, v *visit, f func(*visit) error) error {
	if err := changed(up, f); err != nil {
		return err
	}
	return f(v)
}

// changed makes a directory that was there because of what is in it a change.
func changed(up *level, f func(*visit) error) error {
	late := up.given && up.visit.parent
	up.visit.parent = false
	if late {
		again := up.visit
		again.again = true
		return f(&again)
	}
	return give(up, f)
}

// below visits a directory and what is in it.
func (c *Changes) below(ctx context.Context, up *level, v visit, below int, low *unix.Stat_t, f func(*visit) error) error {
	var err error
	if v.opaque, err = opaque(v.fd); err != nil {
		return err
	}
	at := &level{up: up, visit: v}
	replaced := v.Kind == Modified && !is(low, unix.S_IFDIR)
	if v.Kind == Added || v.opaque || replaced || c.dirChanged(&v, low) {
		if !c.Hidden[v.Path] {
			if v.Kind == Added {
				if err := changed(up, f); err != nil {
					return err
				}
			}
			if err := give(at, f); err != nil {
				return err
			}
		}
	} else {
		at.visit.parent = true
	}
	if v.opaque || replaced || v.Kind == Added {
		below = -1
	}
	return c.directory(ctx, at, below, f)
}

// dirChanged tells a directory that was changed from one that overlay copied up
// because of what is in it. Its time changed too when the launcher made a place to
// mount something: that does not count.
func (c *Changes) dirChanged(v *visit, low *unix.Stat_t) bool {
	if c.differ(&v.stat, low) {
		return true
	}
	// A copy may have come through an archive, which keeps seconds.
	if v.stat.Mtim == low.Mtim || c.Copied && v.stat.Mtim.Sec == low.Mtim.Sec {
		return false
	}
	for hidden := range c.Hidden {
		if path.Dir(hidden) == v.Path {
			return false
		}
	}
	return true
}

func (c *Changes) differ(st, low *unix.Stat_t) bool {
	if st.Mode != low.Mode {
		return true
	}
	uid, gid := c.Owners.Show(st.Uid, st.Gid)
	lowUID, lowGID := c.LowerOwners.Show(low.Uid, low.Gid)
	return uid != lowUID || gid != lowGID
}

// same tells whether a copied file is still what it was copied from.
func (c *Changes) same(fd, below int, st, low *unix.Stat_t) bool {
	if c.differ(st, low) || st.Mtim.Sec != low.Mtim.Sec || st.Size != low.Size || st.Rdev != low.Rdev {
		return false
	}
	if !is(st, unix.S_IFLNK) {
		return true
	}
	a, err1 := readLink(fd)
	b, err2 := readLink(below)
	return err1 == nil && err2 == nil && a == b
}

// whiteout is overlay's mark for a name that is deleted.
func whiteout(st *unix.Stat_t) bool { return is(st, unix.S_IFCHR) && st.Rdev == 0 }

// opaque tells whether a directory hides the one beneath it
// (Documentation/filesystems/overlayfs.rst).
func opaque(fd int) (bool, error) {
	for _, name := range []string{"user.overlay.opaque", "user.fuseoverlayfs.opaque", "trusted.overlay.opaque"} {
		value, err := xattr(procPath(fd), name)
		if err == nil && string(value) == "y" {
			return true, nil
		}
		if err := ignoreUnsupported(err); err != nil && !errors.Is(err, unix.EPERM) {
			return false, err
		}
	}
	return false, nil
}
