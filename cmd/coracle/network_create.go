package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"coracle/launcher"
	"coracle/slirp/networks"
)

// NetworkCreateCmd is `coracle network create`.
type NetworkCreateCmd struct {
	Name string `arg:"" optional:"" help:"Name; without, networkN."`

	Subnet     []string `sep:"none" placeholder:"CIDR" help:"Subnet, one of IPv4 and one of IPv6; without, one that is free is chosen."`
	Gateway    []string `sep:"none" placeholder:"ADDRESS" help:"Address by which containers reach everything else: the first of the subnet."`
	IPRange    []string `name:"ip-range" sep:"none" placeholder:"CIDR|FIRST-LAST" help:"Give out addresses of this part of the subnet only."`
	IPv6       bool     `name:"ipv6" help:"A subnet of IPv6, too."`
	Internal   bool     `help:"No way out: containers reach each other only."`
	DisableDNS bool     `name:"disable-dns" help:"Containers do not find each other by name."`
	Label      []string `sep:"none" placeholder:"KEY=VALUE" help:"Set a label."`
	Opt        []string `short:"o" sep:"none" placeholder:"KEY=VALUE" help:"Option: mtu=BYTES."`
	Driver     string   `short:"d" default:"bridge" placeholder:"bridge" help:"Driver; bridge is the only one."`
	Ignore     bool     `help:"A network that is there already is no error."`
	IPAMDriver string   `name:"ipam-driver" hidden:""`
	Attachable bool     `hidden:""`
}

// Run makes a network and prints its name.
func (c *NetworkCreateCmd) Run(ctx context.Context) (int, error) {
	p, err := c.params()
	if err != nil {
		return launcher.ExitFailed, err
	}
	containers, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	all := containers.Networks()
	made, err := create(all, p)
	switch {
	case c.Ignore && (errors.Is(err, networks.ErrNetworkExists) || p.Name == networks.DefaultName):
		fmt.Println(p.Name)
		return 0, nil
	case errors.Is(err, networks.ErrNetworkExists):
		return launcher.ExitFailed, fmt.Errorf("%w\n  fix: --ignore, or another name", err)
	case err != nil:
		return launcher.ExitFailed, err
	}
	c.warn(made)
	fmt.Println(made.Name)
	return 0, nil
}

// create makes the network, under the first name that is free when it has none.
func create(all *launcher.Networks, p networks.Params) (*networks.Network, error) {
	if p.Name != "" {
		return all.Make(p)
	}
	for n := 1; ; n++ {
		p.Name = fmt.Sprint("network", n)
		if made, err := all.Make(p); !errors.Is(err, networks.ErrNetworkExists) {
			return made, err
		}
	}
}

// warn tells of what the network's containers will not reach.
func (c *NetworkCreateCmd) warn(n *networks.Network) {
	if len(c.Subnet) == 0 || n.Internal {
		return
	}
	routes, err := networks.HostRoutes()
	if err != nil {
		return // it was made all the same
	}
	for _, s := range n.Subnets {
		for _, r := range routes {
			if r.Prefix.Overlaps(s.Prefix) {
				fmt.Fprintf(os.Stderr, "coracle: the subnet %s hides %s, which the host reaches by %s, from the network's containers (fix: another subnet, or none)\n", s.Prefix, r.Prefix, r.Device)
			}
		}
	}
}

func (c *NetworkCreateCmd) params() (p networks.Params, err error) {
	driver := strings.TrimPrefix(c.Driver, "=") // kind says -d=bridge, which docker's parser reads so
	p = networks.Params{Name: c.Name, Driver: driver, IPv6: c.IPv6, Internal: c.Internal, DisableDNS: c.DisableDNS}
	switch c.IPAMDriver {
	case "", "default", "host-local":
	default:
		return p, fmt.Errorf("invalid --ipam-driver %q: host-local is the only one", c.IPAMDriver)
	}
	if p.Labels, err = words("--label", c.Label); err != nil {
		return p, err
	}
	if p.Options, err = words("--opt", c.Opt); err != nil {
		return p, err
	}
	for _, s := range c.Subnet {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return p, fmt.Errorf("invalid --subnet %q: a network such as 10.89.0.0/24 or fd00:1::/64 is wanted", s)
		}
		p.Subnets = append(p.Subnets, networks.Subnet{Prefix: prefix})
	}
	for _, s := range c.Gateway {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return p, fmt.Errorf("invalid --gateway %q: an IP address is wanted", s)
		}
		if err := placed(p.Subnets, "--gateway", s, a, func(to *networks.Subnet) bool {
			had := to.Gateway.IsValid()
			to.Gateway = a
			return had
		}); err != nil {
			return p, err
		}
	}
	for _, s := range c.IPRange {
		first, last, err := networks.ParseRange(s)
		if err != nil {
			return p, fmt.Errorf("invalid --ip-range %q: %w", s, err)
		}
		if err := placed(p.Subnets, "--ip-range", s, first, func(to *networks.Subnet) bool {
			had := to.First.IsValid()
			to.First, to.Last = first, last
			return had
		}); err != nil {
			return p, err
		}
	}
	return p, nil
}

// placed finds the subnet that an address belongs to; set says that it had one.
func placed(list []networks.Subnet, flag, value string, a netip.Addr, set func(*networks.Subnet) bool) error {
	if len(list) == 0 {
		return fmt.Errorf("%s %s needs --subnet: one that is chosen may not have it", flag, value)
	}
	for i := range list {
		if list[i].Prefix.Contains(a) {
			if set(&list[i]) {
				return fmt.Errorf("%s %s is the second for the subnet %s", flag, value, list[i].Prefix)
			}
			return nil
		}
	}
	return fmt.Errorf("%s %s is in none of the subnets", flag, value)
}

// words reads KEY[=VALUE] words.
func words(flag string, list []string) (map[string]string, error) {
	m := map[string]string{}
	for _, w := range list {
		key, value, _ := strings.Cut(w, "=")
		if key == "" {
			return nil, fmt.Errorf("invalid %s %q: KEY=VALUE is wanted", flag, w)
		}
		m[key] = value
	}
	return m, nil
}
