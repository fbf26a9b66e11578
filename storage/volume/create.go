package volume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// Params says what volume to make.
type Params struct {
	Name    string // empty: 64 random hexadecimal digits
	Labels  map[string]string
	Options map[string]string
	// Anonymous is a volume that nobody gave a name; Owner is the id of the
	// container that it is for.
	Anonymous bool
	Owner     string
	// Throwaway makes the volume go when its owner does.
	Throwaway bool
}

// Create makes a volume. Errors: [ErrExists], [ErrBadName], [ErrOption].
func (s Store) Create(p Params) (*Volume, error) {
	hold, err := s.Hold() // else a sweeper takes it away half made
	if err != nil {
		return nil, err
	}
	defer hold.Close()
	return s.create(p)
}

// Open returns the volume of a name, and makes it when there is none. The caller
// holds, see [Store.Hold]. Errors: [ErrDamaged], [ErrBadName], [ErrOption].
func (s Store) Open(p Params) (*Volume, error) {
	for {
		if p.Name != "" {
			if v, err := s.Get(p.Name); !errors.Is(err, ErrNotFound) {
				return v, err
			}
		}
		if v, err := s.create(p); !errors.Is(err, ErrExists) {
			return v, err
		}
	}
}

func (s Store) create(p Params) (*Volume, error) {
	local, err := ParseOptions(p.Options)
	if err != nil {
		return nil, err
	}
	if p.Name == "" {
		if p.Name, err = storage.NewID(); err != nil {
			return nil, err
		}
	}
	if err := CheckName(p.Name); err != nil {
		return nil, err
	}
	unique, err := storage.NewID()
	if err != nil {
		return nil, err
	}
	v := &Volume{Name: p.Name, Throwaway: p.Throwaway, parent: namedDir}
	if p.Throwaway {
		v.parent = scratchDir
	}
	v.path = filepath.Join(s.Data, v.parent, p.Name)
	directory := local.Type == ""
	v.Record = Record{
		Version: recordVersion, Created: time.Now().UTC(), Labels: p.Labels, Options: p.Options,
		Anonymous: p.Anonymous, Owner: p.Owner, NeedsCopyUp: directory, NeedsChown: directory,
	}
	making := filepath.Join(filepath.Dir(v.path), newPrefix+unique[:16])
	err = v.fill(making)
	if err == nil {
		err = unix.Rename(making, v.path)
	}
	if err != nil {
		os.RemoveAll(making)
		if err == unix.ENOTEMPTY || err == unix.EEXIST {
			return nil, fmt.Errorf("%w: %q", ErrExists, p.Name)
		}
		return nil, fmt.Errorf("cannot make the volume %q: %w", p.Name, err)
	}
	if !v.Throwaway {
		err = syncDir(filepath.Dir(v.path))
	}
	return v, err
}

// fill makes what a new volume's directory holds.
func (v *Volume) fill(dir string) error {
	if err := unix.Mkdir(dir, 0o700); err != nil {
		return &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	data := filepath.Join(dir, dataDir)
	if err := unix.Mkdir(data, 0o755); err != nil {
		return &os.PathError{Op: "mkdir", Path: data, Err: err}
	}
	if err := unix.Chmod(data, 0o755); err != nil { // whatever the umask
		return &os.PathError{Op: "chmod", Path: data, Err: err}
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	return writeRecord(fd, &v.Record, !v.Throwaway)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// Imagine is what Open would return, and makes nothing.
func (s Store) Imagine(p Params) (*Volume, error) {
	v, err := s.Get(p.Name)
	if !errors.Is(err, ErrNotFound) {
		return v, err
	}
	v = &Volume{Name: p.Name, Throwaway: p.Throwaway, parent: namedDir, Record: Record{Options: p.Options}}
	if p.Throwaway {
		v.parent = scratchDir
	}
	v.path = filepath.Join(s.Data, v.parent, p.Name)
	return v, nil
}
