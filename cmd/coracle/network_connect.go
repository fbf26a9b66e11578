package main

import (
	"context"

	"coracle/launcher"
	"coracle/launcher/intent"
)

// NetworkConnectCmd is `coracle network connect`.
type NetworkConnectCmd struct {
	Network   string `arg:"" name:"network" help:"Name or id of the network."`
	Container string `arg:"" name:"container" help:"Name or id of the container."`

	Alias         []string `sep:"none" placeholder:"NAME" help:"Another name of the container in the network."`
	IP            string   `name:"ip" placeholder:"ADDRESS" help:"IPv4 address."`
	IP6           string   `name:"ip6" placeholder:"ADDRESS" help:"IPv6 address."`
	MACAddress    string   `name:"mac-address" placeholder:"MAC" help:"MAC address."`
	InterfaceName string   `name:"interface-name" placeholder:"NAME" help:"Name of the device in the container: the next ethN."`
}

// Run connects the container, at once if it runs, and for its next starts.
func (c *NetworkConnectCmd) Run(ctx context.Context) (int, error) {
	a := intent.Attachment{Network: c.Network}
	for _, alias := range c.Alias {
		if err := a.Set("--alias", "alias", alias); err != nil {
			return launcher.ExitFailed, err
		}
	}
	for _, one := range [...]struct{ flag, option, value string }{
		{"--ip", "ip", c.IP}, {"--ip6", "ip6", c.IP6}, {"--mac-address", "mac", c.MACAddress}, {"--interface-name", "interface_name", c.InterfaceName},
	} {
		if one.value == "" {
			continue
		}
		if err := a.Set(one.flag, one.option, one.value); err != nil {
			return launcher.ExitFailed, err
		}
	}
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	return status([]error{all.Networks().Connect(ctx, c.Container, a)})
}

// NetworkDisconnectCmd is `coracle network disconnect`.
type NetworkDisconnectCmd struct {
	Network   string `arg:"" name:"network" help:"Name or id of the network."`
	Container string `arg:"" name:"container" help:"Name or id of the container."`
	Force     bool   `short:"f" help:"A network or container that is not there is no error."`
}

// Run disconnects the container, at once if it runs, and for its next starts.
func (c *NetworkDisconnectCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	return status([]error{all.Networks().Disconnect(ctx, c.Container, c.Network, c.Force)})
}

// networkVerb is what the other names of commands about networks mean.
func networkVerb(name string) string {
	switch name {
	case "list":
		return "ls"
	case "remove":
		return "rm"
	}
	return name
}
