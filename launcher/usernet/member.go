package usernet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// Store is the members of all networks of one user. Any number of processes may use
// it at once; the value itself holds nothing.
type Store struct {
	// Run and Data are the user's directories (storage.Paths).
	Run, Data string
}

// dirName is the name of the directory of networks below the run-time directory.
const dirName = "networks"

func (s Store) dir(network string) string { return filepath.Join(s.Run, dirName, network) }

// Member is a container's place in a network, as its fact has it.
type Member struct {
	Version int
	// ID and Name are the container's, Dir is its directory, with its lock.
	ID, Name, Dir string
	Aliases       []string   `json:",omitempty"`
	IP4           netip.Addr `json:",omitzero"`
	IP6           netip.Addr `json:",omitzero"`
	MAC           string
	// Interface is the device's name in the container.
	Interface string
	// Holder is where the network's namespace can be had.
	Holder holder
}

const (
	memberVersion = 1
	// maxFact bounds a fact, in bytes: 1,024 names of 63 fit.
	maxFact = 128 << 10
)

// Alive tells whether the container's lock is held: else the fact is what a
// supervisor left that was killed.
func (m *Member) Alive() bool {
	alive, err := (&storage.Dir{Path: m.Dir}).Alive()
	return alive || err != nil // who cannot be asked keeps his addresses
}

// Addresses are the container's in the network.
func (m *Member) Addresses() (list []netip.Addr) {
	for _, a := range []netip.Addr{m.IP4, m.IP6} {
		if a.IsValid() {
			list = append(list, a)
		}
	}
	return list
}

// Members returns the members of a network that are alive, by address. A network
// that nobody has heard of has none.
func (s Store) Members(network string) ([]Member, error) {
	list, err := s.facts(network)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(m Member) bool { return !m.Alive() })
	slices.SortFunc(list, func(a, b Member) int {
		if c := a.IP4.Compare(b.IP4); c != 0 {
			return c
		}
		return a.IP6.Compare(b.IP6)
	})
	return list, nil
}

// facts reads those of a network, of the dead, too.
func (s Store) facts(network string) (list []Member, err error) {
	entries, err := os.ReadDir(s.dir(network))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the members of network %s: %w", network, err)
	}
	for _, e := range entries {
		if !storage.ValidID(e.Name()) {
			continue
		}
		if m, ok := read(filepath.Join(s.dir(network), e.Name())); ok && m.ID == e.Name() {
			list = append(list, m)
		}
	}
	return list, nil
}

// read reads a fact. One that cannot be read is no member's: they are written whole.
func read(path string) (m Member, ok bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return m, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFact+1))
	if err != nil || len(b) > maxFact {
		return m, false
	}
	return decode(b)
}

func decode(b []byte) (m Member, ok bool) {
	if json.Unmarshal(b, &m) != nil || m.Version != memberVersion {
		return Member{}, false
	}
	families := (!m.IP4.IsValid() || m.IP4.Is4()) && (!m.IP6.IsValid() || m.IP6.Is6() && !m.IP6.Is4In6() && m.IP6.Zone() == "")
	return m, families && storage.ValidID(m.ID) && strings.HasPrefix(m.Dir, "/")
}

// newPrefix begins the name of a fact that is being written.
const newPrefix = ".new-"

// write leaves the fact, whole or not at all. It is for this run of the host only:
// nothing is synced.
func (s Store) write(network string, m *Member) error {
	m.Version = memberVersion
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	making := filepath.Join(s.dir(network), newPrefix+m.ID)
	if err = os.WriteFile(making, b, 0o600); err == nil {
		err = os.Rename(making, filepath.Join(s.dir(network), m.ID))
	}
	if err != nil {
		_ = os.Remove(making)
		return fmt.Errorf("cannot note the member of network %s: %w", network, err)
	}
	return nil
}
