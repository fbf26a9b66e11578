package launcher

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"coracle/launcher/places"
	"coracle/slirp/networks"
)

// Networks are the user's networks, and who is in them.
type Networks struct {
	places.Networks
	all *Containers
}

// Networks gives access to the user's networks.
func (c *Containers) Networks() *Networks {
	return &Networks{places.Networks{Store: networks.Store{Dir: filepath.Join(c.Data, networks.DirName)}, Containers: c.Set, Run: c.run}, c}
}

// Remove removes a network, by name or id. With force the containers that use it are
// removed first, running ones after they had the time to stop; gone is called with the
// name of each. Errors: those of [places.Networks.Discard].
func (n *Networks) Remove(ctx context.Context, ref string, force bool, stop *time.Duration, gone func(container string)) error {
	network, err := n.Find(ref)
	if errors.Is(err, networks.ErrDamaged) {
		network, err = &networks.Network{Name: ref, Err: err}, nil
	}
	if err != nil {
		return err
	}
	if force && !network.IsDefault() {
		if err := n.removeUsers(ctx, network.Name, stop, gone); err != nil {
			return err
		}
	}
	if err := n.settle(func(name string) bool { return name == network.Name }); err != nil {
		return err
	}
	return n.Discard(network)
}

// Prune is [places.Networks.Prune].
func (n *Networks) Prune(fits func(*networks.Network) bool, gone func(name string)) error {
	if err := n.settle(func(string) bool { return true }); err != nil {
		return err
	}
	return n.Networks.Prune(fits, gone)
}

// settle waits until containers that have ended have left the networks.
func (n *Networks) settle(concerns func(network string) bool) error {
	users, err := n.Users()
	if err != nil {
		return err
	}
	for network, ids := range users {
		if !concerns(network) {
			continue
		}
		for _, id := range ids {
			if d, err := n.all.Lookup(id); err == nil {
				if err := settle(d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (n *Networks) removeUsers(ctx context.Context, network string, stop *time.Duration, gone func(container string)) error {
	users, err := n.Users()
	if err != nil {
		return err
	}
	for _, id := range users[network] {
		name := id
		if x, err := n.all.Find(id); err == nil {
			name = x.Name
		}
		if err := Remove(ctx, Removal{Names: []string{id}, Force: true, Time: stop, Ignore: true}, func(string) { gone(name) }); err != nil {
			return fmt.Errorf("container %s uses the network %s, and cannot be removed: %w", name, network, err)
		}
	}
	return nil
}
