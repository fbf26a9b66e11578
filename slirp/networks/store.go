package networks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Store is all networks of one user. Any number of processes may use it at once; the
// value itself holds nothing.
type Store struct {
	// Dir is the directory of the records; it need not be there.
	Dir string
}

// DirName is the name of that directory below the user's data.
const DirName = "networks"

// NotFound is the error of a name that no network has; it is [ErrNoNetwork].
type NotFound struct {
	Name string
	// Names are those that there are.
	Names []string
}

// Error says how to make one.
func (e *NotFound) Error() string {
	if !isName(e.Name) {
		return fmt.Sprintf("%s: %.80q\n  fix: coracle network ls", ErrNoNetwork, e.Name)
	}
	return fmt.Sprintf("%s: %q\n  fix: coracle network create %s", ErrNoNetwork, e.Name, e.Name)
}

// Unwrap is [ErrNoNetwork].
func (e *NotFound) Unwrap() error { return ErrNoNetwork }

// List returns all networks by name, the default one among them. Damaged ones have
// their Err set.
func (s Store) List() ([]*Network, error) {
	all := []*Network{Default()}
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot list networks: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || !isName(name) || name == DefaultName {
			continue
		}
		n, err := s.read(name)
		switch {
		case errors.Is(err, ErrNoNetwork): // removed meanwhile
			continue
		case err != nil:
			n = &Network{Name: name, Err: s.damaged(name, err)}
		}
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *Network) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Find looks a network up by name, id, or the beginning of an id. Errors:
// [ErrNoNetwork], as a [NotFound]; [ErrDamaged], [ErrAmbiguous].
func (s Store) Find(ref string) (*Network, error) {
	if ref == DefaultName {
		return Default(), nil
	}
	if isName(ref) {
		n, err := s.read(ref)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, ErrNoNetwork) {
			return nil, s.damaged(ref, err)
		}
	}
	all, err := s.List()
	if err != nil {
		return nil, err
	}
	missing := &NotFound{Name: ref}
	var found []*Network
	for _, n := range all {
		missing.Names = append(missing.Names, n.Name)
		if n.ID != "" && ref != "" && strings.HasPrefix(n.ID, ref) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return nil, missing
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%w: %q is the beginning of %d ids\n  fix: give more digits", ErrAmbiguous, ref, len(found))
}

func (s Store) damaged(name string, err error) error {
	return fmt.Errorf("network %s: %s: %w\n  fix: coracle network rm %s, and create it again", name, s.path(name), err, name)
}

// Create makes a network. Errors: [ErrNetworkExists], [ErrInvalid], [ErrDefault].
func (s Store) Create(p Params) (*Network, error) { return s.create(p, HostRoutes) }

func (s Store) create(p Params, routes func() ([]Route, error)) (*Network, error) {
	if p.Name == DefaultName {
		return nil, fmt.Errorf("%w: %s", ErrDefault, p.Name)
	}
	if err := CheckName(p.Name); err != nil {
		return nil, err
	}
	if p.Driver != "" && p.Driver != DriverBridge {
		return nil, fmt.Errorf("%w: driver %q: bridge is the only one", ErrInvalid, p.Driver)
	}
	n := &Network{
		Version: recordVersion, Name: p.Name, Driver: DriverBridge, Created: time.Now().UTC(),
		Internal: p.Internal, DNS: !p.DisableDNS, Labels: p.Labels,
	}
	var err error
	if n.Options, err = ParseOptions(p.Options); err != nil {
		return nil, err
	}
	if n.Subnets, err = checkSubnets(p.Subnets); err != nil {
		return nil, err
	}
	if n.ID, err = newID(); err != nil {
		return nil, err
	}
	alone, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	if _, err := os.Lstat(s.path(n.Name)); err == nil {
		return nil, fmt.Errorf("%w: %q", ErrNetworkExists, n.Name)
	}
	all, err := s.List()
	if err != nil {
		return nil, err
	}
	if err := n.place(all, p.IPv6, routes); err != nil {
		return nil, err
	}
	if err := s.write(n); err != nil {
		return nil, fmt.Errorf("cannot make the network %q: %w", n.Name, err)
	}
	return n, nil
}

// Remove removes the record of a name, damaged or not. Free is asked while nobody can
// make or remove one, and its error is the answer: [ErrNetworkInUse]. Other errors:
// [ErrNoNetwork], [ErrDefault].
func (s Store) Remove(name string, free func() error) error {
	if name == DefaultName {
		return fmt.Errorf("%w: %s is not removed", ErrDefault, name)
	}
	if !isName(name) {
		return &NotFound{Name: name}
	}
	alone, err := s.lock()
	if err != nil {
		return err
	}
	defer alone.Close()
	if err := free(); err != nil {
		return err
	}
	err = os.Remove(s.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return &NotFound{Name: name}
	}
	if err != nil {
		return fmt.Errorf("cannot remove the network %q: %w", name, err)
	}
	return s.sync()
}

// lock keeps everybody else from making and removing networks until the file is
// closed, and sweeps what a crash left of that.
func (s Store) lock() (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the directory of networks: %w", err)
	}
	d, err := os.Open(s.Dir)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(d.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		d.Close()
		return nil, &os.PathError{Op: "lock", Path: s.Dir, Err: err}
	}
	names, _ := d.Readdirnames(-1) // sweeping can wait for the next
	for _, name := range names {
		if strings.HasPrefix(name, unfinished) {
			os.Remove(filepath.Join(s.Dir, name))
		}
	}
	return d, nil
}
