package storage

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MaxFact bounds a fact file, in bytes.
const MaxFact = 4 << 20

// ErrBadFact says that a fact cannot have that name.
var ErrBadFact = errors.New("invalid fact name")

// Fact is one small file in a container's directory.
type Fact struct {
	Name string
	Data []byte
}

// The names in a container's directory that are no facts.
const (
	lockFile  = "lock"
	upperDir  = "upper"
	workDir   = "work"
	dotPrefix = "."
)

func checkFact(name string) error {
	switch {
	case name == "", len(name) > 100, strings.HasPrefix(name, dotPrefix), strings.ContainsAny(name, "/\x00"),
		name == lockFile, name == upperDir, name == workDir:
		return fmt.Errorf("%w %.80q", ErrBadFact, name)
	}
	return nil
}

// WriteFact writes one fact, whole or not at all: to a temporary name, synced
// when the container is kept, then renamed. Only the holder of the container's
// lock writes.
func (d *Dir) WriteFact(name string, data []byte) error {
	if err := checkFact(name); err != nil {
		return err
	}
	return writeFact(d.Path, name, data, d.Keep)
}

func writeFact(dir, name string, data []byte, sync bool) error {
	if len(data) > MaxFact {
		return fmt.Errorf("write fact %q: %w: %d bytes, at most %d", name, ErrTooLarge, len(data), MaxFact)
	}
	var unique [4]byte
	if err := randomBytes(unique[:]); err != nil {
		return err
	}
	temporary := filepath.Join(dir, dotPrefix+name+"-"+hex.EncodeToString(unique[:]))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && sync {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temporary, filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(temporary)
		return err
	}
	if sync {
		return syncDir(dir)
	}
	return nil
}

// ReadFact reads a fact of at most [MaxFact] bytes. Errors: fs.ErrNotExist,
// [ErrTooLarge], [ErrNotRegular].
func (d *Dir) ReadFact(name string) ([]byte, error) {
	if err := checkFact(name); err != nil {
		return nil, err
	}
	return readFact(filepath.Join(d.Path, name), MaxFact)
}

func readFact(path string, limit int64) ([]byte, error) {
	fd, err := openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = ErrNotRegular
	}
	var data []byte
	if err == nil {
		data, err = readAll(fd, min(st.Size, limit), limit)
	}
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

// RemoveFact removes a fact; one that is not there is no error.
func (d *Dir) RemoveFact(name string) error {
	if err := checkFact(name); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(d.Path, name)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
