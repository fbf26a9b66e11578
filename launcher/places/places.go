// Package places tells which containers are connected to which user networks, or
// will be when they run: from the records of containers, and from the facts of those
// that run. It is for both programs; connecting is launcher's. Start from [Networks].
package places

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/intent"
	"coracle/launcher/usernet"
	"coracle/slirp/networks"
)

// Networks are a user's networks, and who is in them.
type Networks struct {
	networks.Store
	Containers containers.Set
	// Run is the user's run-time directory (storage.Paths.Run).
	Run string
}

func (n *Networks) members() usernet.Store {
	return usernet.Store{Run: n.Run, Data: n.Containers.Data}
}

// Members are the running containers that are connected to a network.
func (n *Networks) Members(network string) ([]usernet.Member, error) {
	return n.members().Members(network)
}

// Place is a container's place in a network.
type Place struct {
	Network *networks.Network
	// Asked is what was asked for; of a throw-away container nothing but the name is known.
	Asked intent.Attachment
	// Member is what it has while it runs; else nil.
	Member *usernet.Member
}

// Places tells to which networks each container is connected, or will be when it runs,
// by the containers' ids. A network that is gone has a name only.
func (n *Networks) Places() (map[string][]Place, error) {
	all, err := n.Containers.List()
	if err != nil {
		return nil, err
	}
	return n.PlacesOf(all...)
}

// PlacesOf is [Networks.Places] of some containers.
func (n *Networks) PlacesOf(all ...*containers.Container) (map[string][]Place, error) {
	list, err := n.List()
	if err != nil {
		return nil, err
	}
	live := make(map[string][]Place) // those of throw-away containers, which have no record, too
	for _, network := range list {
		members, err := n.Members(network.Name)
		if err != nil {
			return nil, err
		}
		for i := range members {
			live[members[i].ID] = append(live[members[i].ID], Place{Network: network, Asked: intent.Attachment{Network: network.Name}, Member: &members[i]})
		}
	}
	places := make(map[string][]Place)
	for _, x := range all {
		rest := live[x.ID]
		for _, a := range attachmentsOf(x) {
			p := Place{Network: &networks.Network{Name: a.Network}, Asked: a}
			if i := slices.IndexFunc(list, func(n *networks.Network) bool { return n.Name == a.Network }); i >= 0 {
				p.Network = list[i]
			}
			if i := slices.IndexFunc(rest, func(p Place) bool { return p.Network.Name == a.Network }); i >= 0 {
				p.Member = rest[i].Member
				rest = slices.Delete(rest, i, i+1)
			}
			places[x.ID] = append(places[x.ID], p)
		}
		if len(rest) > 0 {
			places[x.ID] = append(places[x.ID], rest...)
		}
	}
	return places, nil
}

// attachmentsOf are the networks that a container's record names.
func attachmentsOf(x *containers.Container) []intent.Attachment {
	var o intent.Options
	if len(x.Intent.Options) == 0 || json.Unmarshal(x.Intent.Options, &o) != nil {
		return nil
	}
	list, _ := o.Attachments() // checked when it was written
	return list
}

// Users are the containers that are connected to a network or will be when they run:
// their ids, in no order, by the names of networks.
func (n *Networks) Users() (map[string][]string, error) {
	places, err := n.Places()
	if err != nil {
		return nil, err
	}
	users := make(map[string][]string)
	for id, list := range places {
		for _, p := range list {
			users[p.Network.Name] = append(users[p.Network.Name], id)
		}
	}
	return users, nil
}

// Make makes a network and tells of it. Errors: those of [networks.Store.Create].
func (n *Networks) Make(p networks.Params) (*networks.Network, error) {
	made, err := n.Create(p)
	if err == nil {
		n.Tell(events.Create, made, "")
	}
	return made, err
}

// Discard removes a network that nobody uses, and tells of it. Errors: those of
// [networks.Store.Remove], networks.ErrNetworkInUse.
func (n *Networks) Discard(network *networks.Network) error {
	if network.IsDefault() {
		return fmt.Errorf("%w: %s is not removed", networks.ErrDefault, network.Name)
	}
	// Who joins looks for the record under this lock.
	lock, err := n.members().Lock(network.Name)
	if err != nil {
		return err
	}
	defer lock.Close()
	defer os.Remove(lock.Name()) // if nobody is in it
	err = n.Store.Remove(network.Name, func() error {
		users, err := n.Users()
		if err != nil || len(users[network.Name]) == 0 {
			return err
		}
		return n.inUse(network.Name, users[network.Name])
	})
	if err == nil {
		n.Tell(events.Remove, network, "")
	}
	return err
}

// Prune removes the networks that fit and that nobody uses, and calls gone with the
// name of each. It goes on after an error.
func (n *Networks) Prune(fits func(*networks.Network) bool, gone func(name string)) error {
	list, err := n.List()
	if err != nil {
		return err
	}
	users, err := n.Users()
	if err != nil {
		return err
	}
	var errs []error
	for _, network := range list {
		// What a damaged record is about nobody knows: it is not for a sweep to remove.
		if network.IsDefault() || network.Err != nil || len(users[network.Name]) > 0 || !fits(network) {
			continue
		}
		err := n.Discard(network)
		switch {
		case err == nil:
			gone(network.Name)
		case !errors.Is(err, networks.ErrNoNetwork) && !errors.Is(err, networks.ErrNetworkInUse): // meanwhile
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (n *Networks) inUse(network string, by []string) error {
	var names []string
	for _, id := range by {
		name := id[:min(12, len(id))]
		if x, err := n.Containers.Find(id); err == nil && x.Name != "" {
			name = x.Name
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Errorf("%w: %q is used by %s\n  fix: coracle rm -f %s, or coracle network rm -f %s, which does the same before",
		networks.ErrNetworkInUse, network, strings.Join(names, ", "), strings.Join(names, " "), network)
}

// Tell tells of something that has happened to a network, in docker's words:
// container is who was connected or disconnected.
func (n *Networks) Tell(status string, network *networks.Network, container string) {
	e := events.Event{
		Type: events.Network, Status: status, ID: network.ID, Name: network.Name,
		Attributes: map[string]string{"type": networks.DriverBridge},
	}
	if container != "" {
		e.Attributes["container"] = container
	}
	events.Write(n.Containers.Data, e)
}

// TellPrune tells that unused networks were removed.
func (n *Networks) TellPrune() {
	events.Write(n.Containers.Data, events.Event{Type: events.Network, Status: events.Prune})
}
