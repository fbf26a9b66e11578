package networks

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

var (
	// ErrNoNetwork says that there is no network of that name.
	ErrNoNetwork = errors.New("no such network")
	// ErrNetworkExists says that there is one already.
	ErrNetworkExists = errors.New("network exists")
	// ErrNetworkInUse says that containers are connected to it, or are to be.
	ErrNetworkInUse = errors.New("network is in use")
	// ErrAmbiguous says that the ids of several networks begin like that.
	ErrAmbiguous = errors.New("ambiguous network id")
	// ErrDamaged says that a network's record cannot be read.
	ErrDamaged = errors.New("damaged network record")
	// ErrInvalid says that a network cannot be as it is asked for.
	ErrInvalid = errors.New("invalid network")
	// ErrReserved says that a name is a word of --network.
	ErrReserved = errors.New("reserved name")
	// ErrDefault says that the default network can be neither made nor removed.
	ErrDefault = errors.New("the default network is always there")
)

// DriverBridge is the only driver: a bridge in a namespace of the network's own.
const DriverBridge = "bridge"

// Network is what is known of a network besides its members.
type Network struct {
	Version int
	Name    string
	// ID is 64 hexadecimal digits.
	ID      string
	Driver  string
	Created time.Time
	// Subnets are one of IPv4, one of IPv6, or one of each, in this order.
	Subnets []Subnet
	// Internal networks have no way out.
	Internal bool `json:",omitempty"`
	// DNS says that members find each other by name.
	DNS     bool
	Labels  map[string]string `json:",omitempty"`
	Options map[string]string `json:",omitempty"`

	// Err says why the record cannot be read, wrapping [ErrDamaged]; of such a network
	// only the name is known.
	Err error `json:"-"`
}

// Subnet is a network's addresses of one family.
type Subnet struct {
	Prefix netip.Prefix
	// Gateway is the address by which members reach everything else, and name servers.
	Gateway netip.Addr
	// First and Last bound what is given out to members that ask for no address;
	// invalid: the whole of the prefix.
	First netip.Addr `json:",omitzero"`
	Last  netip.Addr `json:",omitzero"`
}

// IPv4 is the subnet of IPv4; not ok when there is none.
func (n *Network) IPv4() (Subnet, bool) { return n.subnet(true) }

// IPv6 is the subnet of IPv6; not ok when there is none.
func (n *Network) IPv6() (Subnet, bool) { return n.subnet(false) }

func (n *Network) subnet(four bool) (Subnet, bool) {
	for _, s := range n.Subnets {
		if s.Prefix.Addr().Is4() == four {
			return s, true
		}
	}
	return Subnet{}, false
}

// OptionMTU is the option with the MTU of the members' devices; OptionMTUDocker is
// docker's name for it, which becomes this one.
const (
	OptionMTU       = "mtu"
	OptionMTUDocker = "com.docker.network.driver.mtu"
)

// MTU is what was asked for, in bytes; 0 when nothing was.
func (n *Network) MTU() int {
	mtu, _ := strconv.Atoi(n.Options[OptionMTU])
	return mtu
}

// Contains tells whether a member may have the address, and why not.
func (n *Network) Contains(a netip.Addr) error {
	s, ok := n.subnet(a.Is4())
	switch {
	case !ok && a.Is4():
		return fmt.Errorf("%w: %s has no IPv4 subnet", ErrInvalid, n.Name)
	case !ok:
		return fmt.Errorf("%w: %s has no IPv6 subnet\n  fix: coracle network create --ipv6 …", ErrInvalid, n.Name)
	case !s.Prefix.Contains(a):
		return fmt.Errorf("%w: %s is not in the subnet %s of %s", ErrInvalid, a, s.Prefix, n.Name)
	case a == s.Gateway:
		return fmt.Errorf("%w: %s is the gateway of %s", ErrInvalid, a, n.Name)
	case a == s.Prefix.Addr() || a.Is4() && a == last(s.Prefix):
		return fmt.Errorf("%w: %s stands for the whole of %s", ErrInvalid, a, s.Prefix)
	}
	return nil
}

// The default network, podman's for unprivileged users, which it calls podman.
const (
	// DefaultName is the name of the network that is always there.
	DefaultName = "bridge"
	defaultID   = "17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121"
)

// Default is the network that is always there. Members do not find each other by name,
// as with docker's and podman's.
func Default() *Network {
	return &Network{
		Version: recordVersion, Name: DefaultName, ID: defaultID, Driver: DriverBridge,
		Subnets: []Subnet{{Prefix: netip.MustParsePrefix("10.88.0.0/16"), Gateway: netip.MustParseAddr("10.88.0.1")}},
	}
}

// IsDefault tells whether it is the network that is always there.
func (n *Network) IsDefault() bool { return n.Name == DefaultName }
