package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// Filling is the first use of a volume: what it gets from the image.
type Filling struct {
	Volume string
	// Layers are the image's, top first, and Path the directory in it.
	Layers []string
	Path   string
	// Copy gives the volume what is in that directory. Without, only its owner
	// and mode.
	Copy bool
	// UID and GID own the volume when the image has nothing in that place: base
	// ids of the container's user.
	UID, GID uint32
	// Shift gives base ids for image ids; only its UID, GID and Note are used.
	Shift *storage.Shifter `json:"-"`
}

// In a volume's directory, a copy that is being made, and one that is complete
// and moving to its place. Of a crash the first leaves garbage, the second work
// to be finished: every move is one rename(2).
const (
	fillingDir = ".filling"
	filledDir  = ".filled"
)

// Needs reports whether a volume must be filled before it is used: the same
// question as Fill asks, from a record that was read without its lock.
func (v *Volume) Needs(copy bool) bool { return v.NeedsChown || copy && v.NeedsCopyUp }

// Fill fills a volume unless that was done, as mapped root. Others who want it
// meanwhile wait. A volume in which something lies is not copied to, as docker
// and podman have it.
func (s Store) Fill(ctx context.Context, f Filling) error {
	v, err := s.Get(f.Volume)
	if err != nil {
		return err
	}
	if err = s.fill(ctx, v, f); err != nil {
		return fmt.Errorf("cannot fill the volume %q from the image: %w", f.Volume, err)
	}
	return nil
}

func (s Store) fill(ctx context.Context, v *Volume, f Filling) error {
	dir, err := s.OpenDir(v)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	for {
		if err = unix.Flock(dir, unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return err
	}
	r, err := readRecord(procPath(dir))
	if err != nil {
		return err
	}
	v.Record = r
	if !v.Needs(f.Copy) {
		return nil // by somebody else, just now
	}
	data, err := openDir(dir, dataDir)
	if err != nil {
		return err
	}
	defer unix.Close(data)
	view := storage.NewView(f.Layers)
	defer view.Close()
	tree, err := view.Tree(f.Path)
	if err != nil {
		return err
	}
	if tree != nil {
		defer tree.Close()
	}
	p := place{Volume: v, dir: dir, data: data, tree: tree, f: &f}
	if f.Copy && r.NeedsCopyUp {
		if err := p.copy(ctx); err != nil {
			return err
		}
		r.NeedsCopyUp = false
	}
	if r.NeedsChown {
		if err := p.own(); err != nil {
			return err
		}
		r.NeedsChown = false
	}
	return writeRecord(dir, &r, !v.Throwaway)
}

// place is a volume that is being filled.
type place struct {
	*Volume
	dir, data int
	tree      *storage.Tree // nil when the image has nothing there
	f         *Filling
}

// copy copies and moves. What a killed process had completed is moved first.
func (p place) copy(ctx context.Context) error {
	filled, err := openDir(p.dir, filledDir)
	if errors.Is(err, unix.ENOENT) {
		if filled, err = p.prepare(ctx); err != nil || filled < 0 {
			return err
		}
	} else if err != nil {
		return err
	}
	defer unix.Close(filled)
	all, err := namesIn(filled)
	if err != nil {
		return err
	}
	for _, name := range all {
		// What a container has put there meanwhile stays.
		err := unix.Renameat2(filled, name, p.data, name, unix.RENAME_NOREPLACE)
		if err == unix.EINVAL { // a file system without that flag
			err = unix.Renameat(filled, name, p.data, name)
		}
		if err != nil && err != unix.EEXIST && err != unix.ENOTEMPTY {
			return &os.PathError{Op: "rename", Path: name, Err: err}
		}
	}
	if !p.Throwaway {
		if err := unix.Fsync(p.data); err != nil {
			return &os.PathError{Op: "sync", Path: dataDir, Err: err}
		}
	}
	return storage.RemoveTree(ctx, procPath(p.dir)+"/"+filledDir)
}

// prepare makes the complete copy, or returns -1 when there is nothing to copy.
func (p place) prepare(ctx context.Context) (int, error) {
	if there, err := namesIn(p.data); err != nil || len(there) > 0 || p.tree == nil {
		return -1, err
	}
	if empty, err := p.tree.Empty(); err != nil || empty {
		return -1, err
	}
	if err := storage.RemoveTree(ctx, procPath(p.dir)+"/"+fillingDir); err != nil {
		return -1, err
	}
	if err := unix.Mkdirat(p.dir, fillingDir, 0o700); err != nil {
		return -1, err
	}
	filling, err := openDir(p.dir, fillingDir)
	if err != nil {
		return -1, err
	}
	if err = p.tree.Copy(ctx, p.f.Shift, filling, !p.Throwaway); err == nil {
		err = unix.Renameat(p.dir, fillingDir, p.dir, filledDir)
	}
	if err != nil {
		unix.Close(filling)
		_ = storage.RemoveTree(context.WithoutCancel(ctx), procPath(p.dir)+"/"+fillingDir)
		return -1, err
	}
	return filling, nil
}

// own gives the volume's directory its owner and mode: those of the image's
// directory, or the container's user. Options uid= and gid= come before both.
func (p place) own() error {
	uid, gid := p.f.UID, p.f.GID
	if p.tree != nil {
		if err := p.tree.Dress(p.f.Shift, p.data); err != nil {
			return err
		}
		uid, gid = ^uint32(0), ^uint32(0) // chown(2): leave it
	}
	local, err := ParseOptions(p.Options)
	if err != nil {
		return err
	}
	if local.UID != nil {
		uid = *local.UID
	}
	if local.GID != nil {
		gid = *local.GID
	}
	if err := unix.Fchown(p.data, int(int32(uid)), int(int32(gid))); err != nil {
		return &os.PathError{Op: "chown", Path: dataDir, Err: err}
	}
	return nil
}

// OpenDir opens a volume's directory. No link leads there: a container that has
// the user's home could put one in its place, and what is done to a volume is
// done with more power than that container has.
func (s Store) OpenDir(v *Volume) (int, error) {
	data, err := unix.Open(s.Data, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: s.Data, Err: err}
	}
	defer unix.Close(data)
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	for {
		fd, err := unix.Openat2(data, v.parent+"/"+v.Name, &how)
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: v.path, Err: err}
		}
		return fd, nil
	}
}

// OpenData opens the content of a volume in the same way.
func (s Store) OpenData(v *Volume) (int, error) {
	dir, err := s.OpenDir(v)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	return openDir(dir, dataDir)
}

// procPath names an open directory.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// openDir opens a directory by one name that is no link.
func openDir(at int, name string) (int, error) {
	for {
		fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: name, Err: err}
		}
		return fd, nil
	}
}

// namesIn lists an open directory from its beginning.
func namesIn(dir int) ([]string, error) {
	fd, err := openDir(dir, ".")
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), dataDir)
	defer f.Close()
	return f.Readdirnames(-1)
}
