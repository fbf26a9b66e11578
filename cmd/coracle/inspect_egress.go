package main

import (
	"slices"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/slirp/egress"
)

// inspectEgress tells where a container may speak to, and where it was kept from
// since its last start.
func inspectEgress(i *inspected, c *containers.Container, o *intent.Options) {
	var list []string
	if options, ok, err := o.Slirp(); ok && err == nil {
		list = slices.Clone(options.Egress)
	}
	i.HostConfig.Egress = append(list, egress.Split(o.Egress)...)
	if d := c.Denied(); d != nil {
		i.NetworkSettings.Denied, i.NetworkSettings.DeniedOthers = d.Attempts, d.Others
	}
}
