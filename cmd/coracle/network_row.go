package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher/usernet"
	"coracle/slirp/networks"
)

// networkRow is a network as docker and podman show it: the fields are the names that
// either has for templates.
type networkRow struct {
	Name, ID, Driver, Scope string
	NetworkInterface        string // of the bridge, in the network's namespace
	Created                 time.Time
	Internal                bool
	IPv6Enabled, DNSEnabled bool
	Labels, Options         networkWords
	Subnets                 []networkSubnet
	IPAM                    networkIPAM
	IPAMOptions             networkWords
	Containers              map[string]networkMember
	Attachable, Ingress     bool
	ConfigOnly              bool
}

// networkWords are labels or options; in a table they are one string.
type networkWords map[string]string

// String is KEY=VALUE,….
func (w networkWords) String() string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(w)) {
		words = append(words, k+"="+w[k])
	}
	return strings.Join(words, ",")
}

// networkSubnet is podman's form of a subnet.
type networkSubnet struct {
	Subnet     netip.Prefix  `json:"subnet"`
	Gateway    netip.Addr    `json:"gateway"`
	LeaseRange *networkRange `json:"lease_range,omitempty"`
}

// networkRange is what addresses are given out of.
type networkRange struct {
	StartIP netip.Addr `json:"start_ip"`
	EndIP   netip.Addr `json:"end_ip"`
}

// networkIPAM is docker's form of subnets.
type networkIPAM struct {
	Driver  string
	Options networkWords
	Config  []networkConfig
}

type networkConfig struct {
	Subnet  netip.Prefix
	IPRange string `json:",omitempty"`
	Gateway netip.Addr
}

// networkMember is a running container in a network: docker's fields, and podman's
// interfaces.
type networkMember struct {
	Name, EndpointID, MacAddress string
	IPv4Address, IPv6Address     string
	Interfaces                   map[string]networkInterface `json:"interfaces"`
}

type networkInterface struct {
	MAC     string           `json:"mac_address"`
	Subnets []networkAddress `json:"subnets"`
}

type networkAddress struct {
	IPNet   string     `json:"ipnet"`
	Gateway netip.Addr `json:"gateway"`
}

// bridgeDevice is the name of the bridge in a network's namespace.
const bridgeDevice = "br0"

func newNetworkRow(n *networks.Network) networkRow {
	r := networkRow{
		Name: n.Name, ID: n.ID, Driver: cmp.Or(n.Driver, networks.DriverBridge), Scope: "local", NetworkInterface: bridgeDevice, Created: n.Created,
		Internal: n.Internal, DNSEnabled: n.DNS, Labels: n.Labels, Options: n.Options, Subnets: []networkSubnet{},
		IPAM:        networkIPAM{Driver: "default", Options: networkWords{}, Config: []networkConfig{}},
		IPAMOptions: networkWords{"driver": "host-local"}, Containers: map[string]networkMember{}, Attachable: true,
	}
	if r.Labels == nil {
		r.Labels = networkWords{}
	}
	if r.Options == nil {
		r.Options = networkWords{}
	}
	for _, s := range n.Subnets {
		one, config := networkSubnet{Subnet: s.Prefix, Gateway: s.Gateway}, networkConfig{Subnet: s.Prefix, Gateway: s.Gateway}
		if s.First.IsValid() {
			one.LeaseRange = &networkRange{s.First, s.Last}
			if p, ok := s.Range(); ok {
				config.IPRange = p.String()
			}
		}
		r.Subnets, r.IPAM.Config = append(r.Subnets, one), append(r.IPAM.Config, config)
		r.IPv6Enabled = r.IPv6Enabled || s.Prefix.Addr().Is6()
	}
	return r
}

// add shows the members.
func (r *networkRow) add(n *networks.Network, members []usernet.Member) {
	for i := range members {
		m := &members[i]
		device := networkInterface{MAC: m.MAC, Subnets: []networkAddress{}}
		one := networkMember{Name: m.Name, EndpointID: endpointID(n.ID, m.ID), MacAddress: m.MAC}
		for _, a := range m.Addresses() {
			p, gateway := withSubnet(n, a)
			if a.Is4() {
				one.IPv4Address = p.String()
			} else {
				one.IPv6Address = p.String()
			}
			device.Subnets = append(device.Subnets, networkAddress{p.String(), gateway})
		}
		one.Interfaces = map[string]networkInterface{m.Interface: device}
		r.Containers[m.ID] = one
	}
}

// withSubnet is an address with the bits of the subnet that it is in, and its gateway.
func withSubnet(n *networks.Network, a netip.Addr) (netip.Prefix, netip.Addr) {
	for _, s := range n.Subnets {
		if s.Prefix.Contains(a) {
			return netip.PrefixFrom(a, s.Prefix.Bits()), s.Gateway
		}
	}
	return netip.PrefixFrom(a, a.BitLen()), netip.Addr{}
}

// endpointID is docker's id of a container's place in a network.
func endpointID(network, container string) string {
	sum := sha256.Sum256([]byte(network + container))
	return hex.EncodeToString(sum[:])
}

// Id is what docker calls the id.
func (r networkRow) Id() string { return r.ID } //nolint:revive // docker's spelling

// EnableIPv6 tells whether there is a subnet of IPv6, as inspect calls it.
func (r networkRow) EnableIPv6() bool { return r.IPv6Enabled }

// EnableIPv4 tells whether there is a subnet of IPv4.
func (r networkRow) EnableIPv4() bool {
	return slices.ContainsFunc(r.Subnets, func(s networkSubnet) bool { return s.Subnet.Addr().Is4() })
}

// IPv6 tells the same, as ls calls it.
func (r networkRow) IPv6() bool { return r.IPv6Enabled }

// CreatedAt is when it was made.
func (r networkRow) CreatedAt() string {
	return r.Created.Local().Format("2006-01-02 15:04:05.999999999 -0700 MST")
}

// Label is one of the labels.
func (r networkRow) Label(key string) string { return r.Labels[key] }

// JSON is the network with podman's names and docker's. Those that differ in case only
// have the same value: many decoders do not tell them apart.
func (r networkRow) JSON() any {
	return map[string]any{
		"Name": r.Name, "name": r.Name, "Id": r.ID, "id": r.ID, "Driver": r.Driver, "driver": r.Driver, "Created": r.Created, "created": r.Created,
		"Internal": r.Internal, "internal": r.Internal, "Labels": map[string]string(r.Labels), "labels": map[string]string(r.Labels),
		"Options": map[string]string(r.Options), "options": map[string]string(r.Options),
		"subnets": r.Subnets, "ipv6_enabled": r.IPv6Enabled, "dns_enabled": r.DNSEnabled, "network_interface": r.NetworkInterface, "ipam_options": r.IPAMOptions,
		"Scope": r.Scope, "EnableIPv4": r.EnableIPv4(), "EnableIPv6": r.IPv6Enabled, "IPAM": r.IPAM, "Attachable": r.Attachable, "Ingress": r.Ingress,
		"ConfigFrom": map[string]string{"Network": ""}, "ConfigOnly": r.ConfigOnly, "Containers": r.Containers,
	}
}

// shortRow is a row of a table.
type shortRow struct{ networkRow }

// ID is the id as tables show it.
func (r shortRow) ID() string { return format.ShortID(r.networkRow.ID) }
