package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"coracle/storage"
)

// ClaimFact is the fact of a container that says what was mounted in it on
// demand.
const ClaimFact = "mounts.json"

// Claim is the content of [ClaimFact].
type Claim struct {
	Version int // 1
	Mounts  []Mount
}

const claimVersion = 1

// Mount is one mount that somebody asked for.
type Mount struct {
	// Type is "volume", "bind", "tmpfs" or "image".
	Type string
	// Name is the volume's.
	Name      string `json:",omitempty"`
	Anonymous bool   `json:",omitempty"`
	// Source is the host's path of a bind, or the image's reference; ImageID is the
	// image's id.
	Source      string `json:",omitempty"`
	ImageID     string `json:",omitempty"`
	Subpath     string `json:",omitempty"`
	Destination string
	Options     []string `json:",omitempty"`
	// From is the container that it came from, with --volumes-from.
	From string `json:",omitempty"`
}

// Fact is the claim as a fact, to be written before the volumes are opened.
func (c Claim) Fact() (storage.Fact, error) {
	c.Version = claimVersion
	b, err := json.Marshal(c)
	return storage.Fact{Name: ClaimFact, Data: append(b, '\n')}, err
}

// ReadClaim reads a container's claim; a container without one has mounted
// nothing.
func ReadClaim(d *storage.Dir) (c Claim, err error) {
	b, err := d.ReadFact(ClaimFact)
	if errors.Is(err, fs.ErrNotExist) {
		return Claim{}, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil && c.Version != claimVersion {
		err = fmt.Errorf("version %d, known is %d", c.Version, claimVersion)
	}
	if err != nil {
		return Claim{}, fmt.Errorf("cannot read what container %s has mounted: %w\n  fix: coracle rm %s", d.ID[:12], err, d.ID[:12])
	}
	return c, nil
}

// Users returns the containers that name a volume, by volume: kept ones, and
// throw-away ones that are alive.
func (s Store) Users() (map[string][]*storage.Dir, error) {
	all, err := s.containers().List()
	if err != nil {
		return nil, err
	}
	users := map[string][]*storage.Dir{}
	for _, d := range all {
		claim, err := ReadClaim(d)
		if err != nil {
			return nil, err
		}
		named := map[string]bool{}
		for _, m := range claim.Mounts {
			if m.Name != "" && !named[m.Name] {
				named[m.Name] = true
				users[m.Name] = append(users[m.Name], d)
			}
		}
	}
	return users, nil
}
