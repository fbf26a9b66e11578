package bridge

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
)

// Uplink is the way from the host into a network.
type Uplink struct {
	// Gateways are the host's addresses in the network, with its prefixes.
	Gateways []netip.Prefix
	MTU      int // 0: 1500
	// NS is the network's namespace, by descriptor, Port the name that the other end
	// has there, where whoever has power over it puts it into the bridge.
	NS   int
	Port string
}

// Make makes the device, unless it is there and leads into this network. It is called
// under [Lock].
func (u Uplink) Make() error {
	c, err := link.Dial()
	if err != nil {
		return err
	}
	defer c.Close()
	pair := link.Veth{Name: Device, MTU: u.MTU, Peer: u.Port, PeerNS: u.NS}
	made, err := u.leads(c, pair)
	if err != nil {
		return err
	}
	if !made {
		if err := c.AddVeth(pair); err != nil {
			return u.failed("make", err)
		}
	}
	// Who made it may have been killed: all of the rest is done again.
	index, err := c.Index(Device)
	if err != nil {
		return err
	}
	// None of the network's may pretend to be a router, or somebody else: packets that
	// would not go back by the same way are dropped. Without IPv6 there is no such file.
	// That it forwards goes with the device, and is nothing to be put back.
	settings := [][2]string{
		{"ipv4/conf/" + Device + "/rp_filter", "1"}, {"ipv6/conf/" + Device + "/accept_ra", "0"},
		{"ipv4/conf/" + Device + "/" + forwarding4, "1"}, {"ipv6/conf/" + Device + "/" + forwarding6, "1"},
	}
	for _, s := range settings {
		if err := os.WriteFile(sysctls+s[0], []byte(s[1]), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return u.failed("set up", err)
		}
	}
	for _, a := range u.Gateways {
		if err := c.AddAddress(index, a); err != nil && !errors.Is(err, unix.EEXIST) {
			return u.failed("give the address "+a.String()+" to", err)
		}
	}
	if err := c.Up(index, 0); err != nil {
		return u.failed("switch on", err)
	}
	return nil
}

// leads tells whether the device is there and leads into this network; one that leads
// elsewhere it removes.
func (u Uplink) leads(c *link.Conn, pair link.Veth) (bool, error) {
	probe := pair
	probe.Name = Device + "-new"
	if err := u.remove(c, probe.Name); err != nil { // of one that was killed
		return false, err
	}
	switch _, err := c.Index(Device); {
	case errors.Is(err, unix.ENODEV):
		return false, nil
	case err != nil:
		return false, u.failed("find", err)
	}
	// A device leads into the network if there is no room for another. Else it is of a
	// network without members: namespaces go some time after their last process.
	switch err := c.AddVeth(probe); {
	case errors.Is(err, unix.EEXIST):
		return true, nil
	case err != nil:
		return false, u.failed("make", err)
	}
	return false, errors.Join(u.remove(c, probe.Name), u.remove(c, Device))
}

func (u Uplink) remove(c *link.Conn, name string) error {
	old, err := c.Index(name)
	if err == nil {
		err = c.Delete(old)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return u.failed("remove the old", err)
	}
	return nil
}

func (u Uplink) failed(what string, err error) error {
	return explain(fmt.Errorf("cannot %s the device %s: %w", what, Device, err))
}
