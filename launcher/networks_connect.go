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
	var o intent.Options
	if x.Keep { // a throw-away container has no next start, and so no record
		if err := changeRecord(x, &o, network.Name, a); err != nil {
			return err
		}
	}
	if x.Running && x.PID != 0 {
		if err := n.changeLive(ctx, x, network, a); err != nil {
			return err
		}
	}
	if x.Keep {
		if err := persistOptions(x, &o); err != nil {
			return err
		}
	}
	n.Tell(event, network, x.ID)
	return nil
}

// changeRecord changes what the container was asked to be.
func changeRecord(x *containers.Container, o *intent.Options, network string, a *intent.Attachment) error {
	if x.Err != nil {
		return x.Err
	}
	if err := json.Unmarshal(x.Intent.Options, o); err != nil {
		return fmt.Errorf("container %s: its record is damaged: %w\n  fix: coracle rm %s", x.Name, err, x.Name)
	}
	list, err := o.Attachments()
	if err != nil {
		return err
	}
	if a != nil {
		if err := o.Attachable(); err != nil {
			return fmt.Errorf("container %s: %w", x.Name, err)
		}
		list = append(list, *a)
	} else {
		list = slices.DeleteFunc(list, func(have intent.Attachment) bool { return have.Network == network })
	}
	o.Attach(list)
	return o.Check()
}

// persistOptions makes the next start have the same.
func persistOptions(x *containers.Container, o *intent.Options) (err error) {
	i := x.Intent
	if i.Options, err = o.Encode(); err != nil {
		return err
	}
	i.Network = o.NetworkName()
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return x.WriteFact(containers.IntentFact, append(b, '\n'))
}
