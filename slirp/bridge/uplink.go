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
	if _, err := c.Index(Device); err == nil {
		// A device leads into the network if there is no room for another. Else it is of a
		// network without members: namespaces go some time after their last process.
		probe := pair
		probe.Name = Device + "-new"
		switch err := c.AddVeth(probe); {
		case errors.Is(err, unix.EEXIST):
			return nil
		case err != nil:
			return u.failed("make", err)
		}
		for _, name := range []string{probe.Name, Device} {
			old, err := c.Index(name)
			if err == nil {
				err = c.Delete(old)
			}
			if err != nil && !errors.Is(err, unix.ENODEV) {
				return u.failed("remove the old", err)
			}
		}
	}
	if err := c.AddVeth(pair); err != nil {
		return u.failed("make", err)
	}
	index, err := c.Index(Device)
	if err != nil {
		return err
	}
	// None of the network's may pretend to be a router, or somebody else: packets that
	// would not go back by the same way are dropped. Without IPv6 there is no such file.
	settings := [][2]string{{"ipv4/conf/" + Device + "/rp_filter", "1"}, {"ipv6/conf/" + Device + "/accept_ra", "0"}}
	for _, s := range settings {
		if err := os.WriteFile(sysctls+s[0], []byte(s[1]), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return u.failed("set up", err)
		}
	}
	for _, a := range u.Gateways {
		if err := c.AddAddress(index, a); err != nil {
			return u.failed("give the address "+a.String()+" to", err)
		}
	}
	if err := c.Up(index, 0); err != nil {
		return u.failed("switch on", err)
	}
	return nil
}

func (u Uplink) failed(what string, err error) error {
	return explain(fmt.Errorf("cannot %s the device %s: %w", what, Device, err))
}
