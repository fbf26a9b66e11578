package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// ErrDamaged says that a volume's record cannot be read.
var ErrDamaged = errors.New("damaged volume record")

const (
	recordFile    = "volume.json"
	recordVersion = 1
	// maxRecord bounds a record, in bytes.
	maxRecord = 1 << 20
	dataDir   = "_data"
)

// Record is what is known of a volume besides its content.
type Record struct {
	Version int
	Created time.Time
	Labels  map[string]string `json:",omitempty"`
	// Options are those of the driver local, see [ParseOptions].
	Options   map[string]string `json:",omitempty"`
	Anonymous bool              `json:",omitempty"`
	// Owner is the id of the container that an anonymous volume was made for.
	Owner string `json:",omitempty"`
	// NeedsCopyUp says that the volume was never filled from an image, and
	// NeedsChown that its directory was not given an owner yet.
	NeedsCopyUp, NeedsChown bool `json:",omitempty"`
}

func (r *Record) encode() ([]byte, error) {
	b, err := json.Marshal(r)
	if err == nil && len(b) >= maxRecord {
		err = fmt.Errorf("the labels and options are too long: %d bytes, at most %d", len(b), maxRecord)
	}
	return append(b, '\n'), err
}

func decodeRecord(b []byte) (r Record, err error) {
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if r.Version != recordVersion {
		return r, fmt.Errorf("%w: version %d, known is %d", ErrDamaged, r.Version, recordVersion)
	}
	if _, err := ParseOptions(r.Options); err != nil {
		return r, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return r, nil
}

// writeRecord writes the record of a volume's open directory: to a temporary
// name, then renamed.
func writeRecord(dir int, r *Record, sync bool) error {
	b, err := r.encode()
	if err != nil {
		return err
	}
	const temporary = "." + recordFile
	fd, err := unix.Openat(dir, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "create", Path: recordFile, Err: err}
	}
	f := os.NewFile(uintptr(fd), recordFile)
	_, err = f.Write(b)
	if err == nil && sync {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = unix.Renameat(dir, temporary, dir, recordFile)
	}
	if err == nil && sync {
		err = unix.Fsync(dir)
	}
	if err != nil {
		return fmt.Errorf("cannot write a volume's record: %w", err)
	}
	return nil
}

// readRecord reads the record of a volume's directory.
func readRecord(dir string) (Record, error) {
	b, err := storage.ReadSmall(filepath.Join(dir, recordFile), maxRecord)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return Record{}, err
		}
		return Record{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return decodeRecord(b)
}
