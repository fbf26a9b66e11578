package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/intent"
	"coracle/launcher/places"
	"coracle/slirp/networks"
	"coracle/storage"
)

var (
	// ErrConnected says that a container is in the network already.
	ErrConnected = errors.New("container is connected to the network already")
	// ErrNotConnected says that it is not in the network.
	ErrNotConnected = errors.New("container is not connected to the network")
)

// Connect connects a container to a network, at once if it runs, and for its next
// starts. Errors: networks.ErrNoNetwork, storage.ErrNoContainer, [ErrConnected],
// networks.ErrInvalid, intent.ErrConflict.
func (n *Networks) Connect(ctx context.Context, container string, a intent.Attachment) error {
	network, err := n.Find(a.Network)
	if err != nil {
		return err
	}
	a.Network = network.Name
	if err := a.Fits(network); err != nil {
		return err
	}
	return n.change(ctx, container, network, &a, events.Connect)
}

// Disconnect is the reverse. With force a network or container that is not there is no
// error. Other errors: [ErrNotConnected].
func (n *Networks) Disconnect(ctx context.Context, container, ref string, force bool) error {
	network, err := n.Find(ref)
	if errors.Is(err, networks.ErrDamaged) {
		network, err = &networks.Network{Name: ref}, nil
	}
	if err == nil {
		err = n.change(ctx, container, network, nil, events.Disconnect)
	}
	if force && (errors.Is(err, networks.ErrNoNetwork) || errors.Is(err, storage.ErrNoContainer) || errors.Is(err, ErrNotConnected)) {
		return nil
	}
	return err
}

// change connects a container, or without an attachment disconnects it.
func (n *Networks) change(ctx context.Context, container string, network *networks.Network, a *intent.Attachment, event string) error {
	x, err := n.all.settled(container)
	if err != nil {
		return err
	}
	of, err := n.PlacesOf(x)
	if err != nil {
		return err
	}
	in := slices.ContainsFunc(of[x.ID], func(p places.Place) bool { return p.Network.Name == network.Name })
	switch {
	case in && a != nil:
		return fmt.Errorf("%w: %s, %s\n  fix: coracle network disconnect %[3]s %[2]s, to connect it in another way", ErrConnected, x.Name, network.Name)
	case !in && a == nil:
		return fmt.Errorf("%w: %s, %s\n  fix: coracle inspect -f '{{json .NetworkSettings.Networks}}' %[2]s", ErrNotConnected, x.Name, network.Name)
	}
	live := x.Running && x.PID != 0
	if live && a != nil && network.IsDefault() && onHost() {
		return fmt.Errorf("container %s: network %s leads by the host's bridge, to which a container is connected when it starts\n  fix: coracle stop %[1]s, then coracle network connect %[2]s %[1]s and coracle start %[1]s", x.Name, network.Name)
	}
	if x.Keep { // a throw-away container has no next start, and so no record
		if err := checkChange(x, network.Name, a); err != nil {
			return err
		}
	}
	if live {
		if err := n.changeLive(ctx, x, network, a); err != nil {
			return err
		}
	}
	if x.Keep {
		err := changeIntent(x.Dir, func(i *containers.Intent, o *intent.Options) error {
			if err := changeOptions(x.Name, o, network.Name, a); err != nil {
				return err
			}
			i.Network = o.NetworkName()
			return nil
		})
		if err != nil {
			return err
		}
	}
	n.Tell(event, network, x.ID)
	return nil
}

// checkChange tells whether the container's record can be changed, before anything is.
func checkChange(x *containers.Container, network string, a *intent.Attachment) error {
	if x.Err != nil {
		return x.Err
	}
	var o intent.Options
	if err := json.Unmarshal(x.Intent.Options, &o); err != nil {
		return fmt.Errorf("container %s: its record is damaged: %w\n  fix: coracle rm %s", x.Name, err, x.Name)
	}
	return changeOptions(x.Name, &o, network, a)
}

// changeOptions changes what the container was asked to be. Of what somebody else has
// asked for meanwhile nothing is lost.
func changeOptions(name string, o *intent.Options, network string, a *intent.Attachment) error {
	list, err := o.Attachments()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(have intent.Attachment) bool { return have.Network == network })
	if a != nil {
		if err := o.Attachable(); err != nil {
			return fmt.Errorf("container %s: %w", name, err)
		}
		list = append(list, *a)
	}
	o.Attach(list)
	return o.Check()
}
