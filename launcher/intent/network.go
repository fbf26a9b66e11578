package intent

import (
	"slices"
	"strconv"
	"strings"

	"coracle/slirp"
)

// NetworkFlags are the options of a network of the container's own.
type NetworkFlags struct {
	Publish    []string `short:"p" sep:"none" placeholder:"[[IP:]HOST:]CTR[/udp]" help:"Lead a port of the host into the container."`
	PublishAll bool     `short:"P" help:"Lead a free port of the host to each port that is exposed."`
	Expose     []string `sep:"none" placeholder:"PORT[/udp]" help:"Expose a port, for -P."`
	HostPort   []uint16 `placeholder:"PORT" help:"Let the container reach this port of the host's loopback, at host.containers.internal."`
}

// Slirp is what the user-mode network is to be.
type Slirp struct {
	slirp.Options
	Ports []slirp.Port
}

const (
	// slirpMode is the name of the user-mode network.
	slirpMode = "slirp"
	// defaultNetwork is what a container has that was not asked for any.
	defaultNetwork = "none"
)

// asked tells that something was asked that only a network of its own can do.
func (f *NetworkFlags) asked() string {
	switch {
	case len(f.Publish) > 0:
		return "--publish"
	case f.PublishAll:
		return "--publish-all"
	case len(f.HostPort) > 0:
		return "--host-port"
	}
	return ""
}

// parseSlirp reads --network slirp[:OPTION=VALUE,…].
func parseSlirp(s string) (slirp.Options, error) {
	_, list, _ := strings.Cut(s, ":")
	o, err := slirp.Parse(list)
	if err != nil {
		return o, invalid("--network", s, strings.TrimPrefix(err.Error(), slirp.ErrOption.Error()+": "))
	}
	return o, nil
}

// Slirp are the options of the user-mode network; not ok when there is another or none.
func (o *Options) Slirp() (_ slirp.Options, ok bool, err error) {
	m, _, err := parseModes(o)
	if err != nil || m.slirp == nil {
		return slirp.Options{}, false, err
	}
	return *m.slirp, true, nil
}

// network fills in what the launcher makes the network from.
func (b *builder) network() error {
	f := &b.o.NetworkFlags
	if b.ns.slirp == nil {
		if flag := f.asked(); flag != "" {
			return conflict(flag, "--network "+b.extra.Network, "the container has no network of its own").fix("--network slirp")
		}
		return nil
	}
	n := &Slirp{Options: *b.ns.slirp}
	n.HostPorts = append(n.HostPorts, f.HostPort...)
	for _, s := range f.Publish {
		list, err := parsePublish(s)
		if err != nil {
			return err
		}
		n.Ports = append(n.Ports, list...)
	}
	if f.PublishAll {
		if err := b.publishAll(n); err != nil {
			return err
		}
	}
	b.extra.Slirp = n
	// Ping without privilege, as in podman: for every group of the container's.
	if _, set := b.spec.Linux.Sysctl[pingRange]; !set {
		if b.spec.Linux.Sysctl == nil {
			b.spec.Linux.Sysctl = map[string]string{}
		}
		b.spec.Linux.Sysctl[pingRange] = "0 " + strconv.FormatUint(b.lastGroup(), 10)
	}
	return nil
}

const pingRange = "net.ipv4.ping_group_range"

// lastGroup is the end of the first run of groups that are mapped.
func (b *builder) lastGroup() uint64 {
	last := uint64(0)
	for _, m := range b.Maps.GIDs {
		if uint64(m.ContainerID) <= last+1 && m.Size > 0 {
			last = max(last, uint64(m.ContainerID)+uint64(m.Size)-1)
		}
	}
	return last
}

func parsePublish(s string) ([]slirp.Port, error) {
	list, err := slirp.ParsePorts(s)
	if err != nil {
		text, fix, _ := strings.Cut(strings.TrimPrefix(err.Error(), slirp.ErrPort.Error()+": -p "+s+": "), "\n  fix: ")
		e := invalid("--publish", s, text)
		if fix != "" {
			return nil, e.fix("%s", fix)
		}
		return nil, e
	}
	return list, nil
}

// publishAll gives every port that is exposed, and not published by name, one of
// the host's.
func (b *builder) publishAll(n *Slirp) error {
	exposed := slices.Clone(b.o.Expose)
	if b.Image != nil {
		exposed = append(exposed, b.Image.ExposedPorts...)
	}
	for _, s := range exposed {
		list, err := parseExpose(s)
		if err != nil {
			return err
		}
		for _, p := range list {
			if !slices.ContainsFunc(n.Ports, func(o slirp.Port) bool { return o.ContainerPort == p.ContainerPort && o.Protocol == p.Protocol }) {
				n.Ports = append(n.Ports, p)
			}
		}
	}
	return nil
}

// parseExpose reads PORT[-PORT][/PROTOCOL].
func parseExpose(s string) ([]slirp.Port, error) {
	if strings.Contains(s, ":") {
		return nil, invalid("--expose", s, "a port of the container's is wanted, such as 80 or 53/udp").fix("-p %s", s)
	}
	list, err := slirp.ParsePorts(s)
	if err != nil {
		return nil, invalid("--expose", s, "a port of the container's is wanted, such as 80 or 53/udp")
	}
	return list, nil
}
