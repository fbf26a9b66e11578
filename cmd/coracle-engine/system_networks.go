//go:build containers_image_openpgp

package main

import (
	"path/filepath"

	"coracle/launcher/places"
	"coracle/slirp/networks"
	"coracle/storage/engine/health"
)

// pruneNetworks removes the networks that fit and that no container uses.
func (s *session) pruneNetworks(filter pruneFilter, failed func(error)) (gone []health.Pruned) {
	all := places.Networks{Store: s.networkStore(), Containers: s.containers(), Run: s.Run}
	err := all.Prune(func(n *networks.Network) bool { return filter.fits(n.Created, n.Labels) }, func(name string) {
		gone = append(gone, health.Pruned{ID: name})
	})
	if err != nil {
		failed(err)
	}
	return gone
}

func (s *session) networkStore() networks.Store {
	return networks.Store{Dir: filepath.Join(s.Data, networks.DirName)}
}

// networks is how many networks there are besides the one that is always there.
func (s *session) networks() int {
	list, _ := s.networkStore().List()
	return max(len(list)-1, 0)
}
