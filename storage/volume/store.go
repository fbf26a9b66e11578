package volume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

var (
	// ErrNotFound says that there is no volume of that name.
	ErrNotFound = errors.New("no such volume")
	// ErrExists says that there is one already.
	ErrExists = errors.New("volume exists")
	// ErrAmbiguous says that several anonymous volumes begin like that.
	ErrAmbiguous = errors.New("ambiguous volume name")
)

const (
	namedDir   = "volumes"
	scratchDir = "scratch-volumes"
	trashDir   = "trash"

	newPrefix  = ".new-"  // being made
	gonePrefix = ".gone-" // being removed
)

// Store is all volumes of one user. Any number of processes may use it at once;
// the value itself holds nothing.
type Store struct {
	Data string // storage.Paths.Data
}

// Volume is one volume as it was when it was looked at.
type Volume struct {
	Name string
	Record
	// Throwaway says that it goes with the container it was made for.
	Throwaway bool

	parent string // namedDir or scratchDir
	path   string
	// Err says why the record cannot be read; the volume is there all the same.
	Err error
}

// Mountpoint is the directory with the volume's content.
func (v *Volume) Mountpoint() string { return filepath.Join(v.path, dataDir) }

// Beneath is Mountpoint relative to [Store].Data, for opening it from there
// without following links.
func (v *Volume) Beneath() string { return filepath.Join(v.parent, v.Name, dataDir) }

func (s Store) containers() storage.Containers { return storage.Containers{Data: s.Data} }

// Get finds a volume by its whole name. Errors: [ErrNotFound], [ErrBadName],
// [ErrDamaged].
func (s Store) Get(name string) (*Volume, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	v, err := s.look(namedDir, name)
	if errors.Is(err, ErrNotFound) && storage.ValidID(name) {
		v, err = s.look(scratchDir, name)
	}
	if err != nil {
		return nil, err
	}
	if v.Err != nil {
		return nil, fmt.Errorf("volume %q: %w", name, v.Err)
	}
	return v, nil
}

// Find is Get, or finds an anonymous volume by the beginning of its name, as
// podman does. A volume whose record is damaged is found, too. Errors:
// [ErrNotFound], [ErrAmbiguous], [ErrBadName].
func (s Store) Find(ref string) (*Volume, error) {
	if err := CheckName(ref); err != nil {
		return nil, err
	}
	for _, parent := range []string{namedDir, scratchDir} {
		if v, err := s.look(parent, ref); !errors.Is(err, ErrNotFound) {
			return v, err
		}
	}
	all, err := s.List()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(v *Volume) bool { return !strings.HasPrefix(v.Name, ref) || !storage.ValidID(v.Name) })
	switch {
	case len(ref) < 3 || len(all) == 0:
		return nil, fmt.Errorf("%w: %q\n  fix: coracle volume ls", ErrNotFound, ref)
	case len(all) > 1:
		return nil, fmt.Errorf("%w: %q is the beginning of %d names\n  fix: give more digits", ErrAmbiguous, ref, len(all))
	}
	return all[0], nil
}

func (s Store) look(parent, name string) (*Volume, error) {
	v := &Volume{Name: name, parent: parent, path: filepath.Join(s.Data, parent, name), Throwaway: parent == scratchDir}
	var st unix.Stat_t
	err := unix.Lstat(v.path, &st)
	if err == unix.ENOENT || err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil, fmt.Errorf("%w: %q\n  fix: coracle volume create %s", ErrNotFound, name, name)
	}
	if err != nil {
		return nil, &os.PathError{Op: "lstat", Path: v.path, Err: err}
	}
	if v.Record, v.Err = readRecord(v.path); errors.Is(v.Err, os.ErrNotExist) {
		v.Err = fmt.Errorf("%w: there is none", ErrDamaged)
	}
	return v, nil
}

// List returns all volumes, by name.
func (s Store) List() (all []*Volume, err error) {
	for _, parent := range []string{namedDir, scratchDir} {
		names, err := s.names(parent)
		if err != nil {
			return nil, fmt.Errorf("cannot list volumes: %w", err)
		}
		for _, name := range names {
			v, err := s.look(parent, name)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b *Volume) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// names lists one of the directories, what is hidden left out.
func (s Store) names(parent string) ([]string, error) {
	f, err := os.Open(filepath.Join(s.Data, parent))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return slices.DeleteFunc(names, func(n string) bool { return CheckName(n) != nil }), err
}

// Hold keeps volumes from being removed until the file is closed. A launch does
// what follows in this order: it writes its claim, holds, opens its volumes.
// Whoever removes looks for claims while nobody holds: it either sees the claim,
// or the launch sees that the volume is gone.
func (s Store) Hold() (*os.File, error) { return s.lock(unix.LOCK_SH) }

func (s Store) lock(how int) (*os.File, error) {
	dir := filepath.Join(s.Data, namedDir)
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		for _, parent := range []string{scratchDir, namedDir} {
			if err := os.MkdirAll(filepath.Join(s.Data, parent), 0o700); err != nil {
				return nil, err
			}
		}
		fd, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	f := os.NewFile(uintptr(fd), dir)
	for {
		if err := unix.Flock(fd, how); err != unix.EINTR {
			if err != nil {
				f.Close()
				return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
			}
			return f, nil
		}
	}
}
