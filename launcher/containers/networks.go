package containers

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"

	"coracle/storage"
)

// networksFact is the fact of the addresses that a container has, or had last, in
// user networks.
const networksFact = "networks.json"

// Network is an entry of it. What the container has while it runs are the facts of
// its networks' members; this is for it to get the same addresses again.
type Network struct {
	Network string
	IP4     netip.Addr `json:",omitzero"`
	IP6     netip.Addr `json:",omitzero"`
}

// WriteNetworks leaves the fact, or removes it when there is nothing to say. It need
// not outlive a power cut.
func WriteNetworks(dir string, list []Network) error {
	if len(list) == 0 {
		if err := os.Remove(filepath.Join(dir, networksFact)); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return (&storage.Dir{Path: dir}).WriteFact(networksFact, append(b, '\n'))
}

// ReadNetworks reads the fact; most containers have none.
func ReadNetworks(d *storage.Dir) (list []Network) {
	b, err := d.ReadFact(networksFact)
	if err != nil || json.Unmarshal(b, &list) != nil {
		return nil
	}
	return list
}
