package main

import (
	"strconv"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/slirp"
)

// inspectNetworkOf tells of the network of a running container.
func inspectNetworkOf(n *inspectNetwork, c *containers.Container, o *intent.Options) {
	for _, p := range launcher.Ports(c) {
		n.Ports[p.Container()] = append(n.Ports[p.Container()], inspectPort{p.HostIP, strconv.Itoa(int(p.HostPort))})
	}
	plan := o.Plan()
	if !plan.Container4.IsValid() || c.Intent.Network == "none" || len(n.Networks) > 0 { // none: there was no /dev/net/tun
		return
	}
	n.IPAddress, n.IPPrefixLen, n.Gateway = plan.Container4.Addr().String(), plan.Container4.Bits(), plan.Gateway4.String()
	if plan.Container6.IsValid() {
		n.GlobalIPv6Address, n.GlobalIPv6PrefixLen, n.IPv6Gateway = plan.Container6.Addr().String(), plan.Container6.Bits(), plan.Gateway6.String()
	}
}

// inspectBindings are the ports that were asked for.
func inspectBindings(o *intent.Options) map[string][]inspectPort {
	all := make(map[string][]inspectPort)
	for _, s := range o.Publish {
		list, err := slirp.ParsePorts(s)
		if err != nil {
			continue // it was checked when the container was made
		}
		for _, p := range list {
			b := inspectPort{}
			if p.HostIP.IsValid() {
				b.HostIP = p.HostIP.String()
			}
			if p.HostPort != 0 {
				b.HostPort = strconv.Itoa(int(p.HostPort))
			}
			key := strconv.Itoa(int(p.ContainerPort)) + "/" + p.Protocol
			all[key] = append(all[key], b)
		}
	}
	return all
}
