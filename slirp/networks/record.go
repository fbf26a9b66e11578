package networks

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	recordVersion = 1
	suffix        = ".json"
	// maxRecord bounds a record, in bytes.
	maxRecord = 1 << 20
	// unfinished begins the name of a record that is being written, or that a crash left
	// so: no name of a network begins like that.
	unfinished = "."
)

// decode reads a record. It may be what a crash, a full disk or a hand has left.
func decode(name string, b []byte) (*Network, error) {
	n := &Network{}
	if err := json.Unmarshal(b, n); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if n.Version != recordVersion {
		return nil, fmt.Errorf("%w: version %d, known is %d", ErrDamaged, n.Version, recordVersion)
	}
	if n.Name != name || len(n.ID) != idLength || !isHex(n.ID) || n.Driver != DriverBridge || len(n.Subnets) == 0 {
		return nil, fmt.Errorf("%w: it is not about %s", ErrDamaged, name)
	}
	var err error
	if n.Subnets, err = checkSubnets(n.Subnets); err == nil {
		n.Options, err = ParseOptions(n.Options)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, nil
}

func (s Store) path(name string) string { return filepath.Join(s.Dir, name+suffix) }

// read reads the record of a name. Errors: [ErrNoNetwork], [ErrDamaged].
func (s Store) read(name string) (*Network, error) {
	f, err := os.OpenFile(s.path(name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q", ErrNoNetwork, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("it has more than %d bytes", maxRecord)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return decode(name, b)
}

// write makes the record of a new network, whole or not at all. The caller holds the
// lock, so nobody else makes one of that name meanwhile.
func (s Store) write(n *Network) (err error) {
	b, err := json.Marshal(n)
	if err == nil && len(b) >= maxRecord {
		err = fmt.Errorf("the labels and options are too long: %d bytes, at most %d", len(b), maxRecord)
	}
	if err != nil {
		return err
	}
	var unique [4]byte
	if err := random(unique[:]); err != nil {
		return err
	}
	temporary := filepath.Join(s.Dir, unfinished+n.Name+"-"+hex.EncodeToString(unique[:]))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temporary, s.path(n.Name))
	}
	if err != nil {
		os.Remove(temporary)
		return err
	}
	return s.sync()
}

// sync makes names last.
func (s Store) sync() error {
	d, err := os.Open(s.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
