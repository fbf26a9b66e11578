package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"coracle/launcher"
)

// PortCmd is `coracle port`.
type PortCmd struct {
	Name   string `arg:"" optional:"" name:"container" help:"Name or id."`
	Port   string `arg:"" optional:"" name:"port" help:"Only what this port of the container is published as: 80, 53/udp."`
	All    bool   `short:"a" help:"All running containers."`
	Latest bool   `short:"l" help:"The container made last."`
}

// Run prints where the ports are, as docker and podman do.
func (c *PortCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	if c.All {
		if c.Name != "" || c.Latest {
			return launcher.ExitFailed, errors.New("--all, --latest and names contradict each other")
		}
		return c.every(all)
	}
	if c.Latest && c.Name != "" && c.Port == "" {
		c.Name, c.Port = "", c.Name // coracle port --latest 80
	}
	name, err := chosenOne(all, c.Name, c.Latest)
	if err != nil {
		return launcher.ExitFailed, err
	}
	want, err := containerPort(c.Port)
	if err != nil {
		return launcher.ExitFailed, err
	}
	x, err := all.Find(name)
	if err != nil {
		return launcher.ExitFailed, err
	}
	found := false
	for _, p := range launcher.Ports(x) {
		switch {
		case want == "":
			fmt.Printf("%s -> %s\n", p.Container(), p.Host())
		case p.Container() == want:
			found = true
			fmt.Println(p.Host())
		}
	}
	if want != "" && !found {
		return launcher.ExitFailed, fmt.Errorf("container %s: port %s is not published", x.Name, want)
	}
	return 0, nil
}

// every lists the ports of all containers.
func (c *PortCmd) every(all *launcher.Containers) (int, error) {
	list, err := all.List()
	if err != nil {
		return launcher.ExitFailed, err
	}
	for _, x := range list {
		for _, p := range launcher.Ports(x) {
			fmt.Printf("%s\t%s -> %s\n", x.ID[:12], p.Container(), p.Host())
		}
	}
	return 0, nil
}

// containerPort is PORT[/PROTOCOL] with the protocol.
func containerPort(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	number, protocol, ok := strings.Cut(s, "/")
	if !ok {
		protocol = "tcp"
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 || protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
		return "", fmt.Errorf("invalid port %.40q: a number from 1 to 65535 is wanted, and tcp, udp or sctp\n  fix: coracle port CONTAINER 80/tcp", s)
	}
	return strconv.FormatUint(n, 10) + "/" + protocol, nil
}
