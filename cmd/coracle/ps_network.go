package main

import (
	"slices"
	"strings"
	"sync"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/slirp/networks"
)

// attached finds the user networks of containers, by their ids, when somebody asks.
type attached func() map[string][]*networks.Network

// attachedTo is the real one. What cannot be read is left out of a list.
func attachedTo(all *launcher.Containers) attached {
	return sync.OnceValue(func() map[string][]*networks.Network {
		of, _ := all.Networks().Places()
		found := make(map[string][]*networks.Network, len(of))
		for id, list := range of {
			for _, p := range list {
				found[id] = append(found[id], p.Network)
			}
		}
		return found
	})
}

// names are those of a container's networks.
func (a attached) names(id string) []string {
	list := []string{}
	if a != nil {
		for _, n := range a()[id] {
			list = append(list, n.Name)
		}
	}
	return list
}

// filter is --filter network=: a user network by name or id, or another word of
// --network.
func (a attached) filter(value string) func(*containers.Container) bool {
	return func(c *containers.Container) bool {
		return c.Intent.Network == value || a != nil && slices.ContainsFunc(a()[c.ID], func(n *networks.Network) bool {
			return n.Name == value || value != "" && strings.HasPrefix(n.ID, value)
		})
	}
}
