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
	SourceIP   string   `name:"source-ip" placeholder:"preserve|gateway" help:"Show clients of published ports with their own address (the default), or all as the gateway."`

	EgressFlags `embed:""`
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
	defaultNetwork = slirpMode
	// noNetwork is a network namespace with a loopback device alone.
	noNetwork = "none"
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
	case f.SourceIP != "":
		return "--source-ip"
	case len(f.Egress) > 0:
		return "--egress"
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

// Plan has the addresses of a network of the container's own, by slirp or a helper program; those that are
// not known before it runs are zero.
func (o *Options) Plan() slirp.Plan {
	m, _, err := parseModes(o)
	switch {
	case err == nil && m.driver != nil:
		return m.driver.Plan
	case err == nil && m.slirp != nil:
		return m.slirp.Plan()
	}
	return slirp.Plan{}
}

// network fills in what the launcher makes the network from.
func (b *builder) network() error {
	f := &b.o.NetworkFlags
	if !b.connected() {
		if flag := f.asked(); flag != "" {
			return conflict(flag, "--network "+b.extra.Network, "the container has no network of its own").fix("--network slirp")
		}
		return nil
	}
	ports, err := b.ports()
	if err != nil {
		return err
	}
	if d := b.ns.driver; d != nil {
		if len(f.HostPort) > 0 {
			return conflict("--host-port", "--network "+d.Name, "it opens all of the host's loopback or nothing").fix("--network slirp")
		}
		if f.SourceIP != "" {
			return conflict("--source-ip", "--network "+d.Name, "how it shows clients is its own affair").fix("--network slirp")
		}
		if len(f.Egress) > 0 {
			return conflict("--egress", "--network "+d.Name, "it lets everything out").fix("--network slirp")
		}
		d.Ports, b.extra.Driver = ports, d
	} else {
		b.extra.Slirp = &Slirp{Options: *b.ns.slirp, Ports: ports}
		b.extra.Slirp.HostPorts = append(b.extra.Slirp.HostPorts, f.HostPort...)
		if f.SourceIP != "" {
			if err := b.extra.Slirp.Set("source-ip", f.SourceIP); err != nil {
				return invalid("--source-ip", f.SourceIP, "preserve or gateway is wanted")
			}
		}
		if err := b.egress(b.extra.Slirp); err != nil {
			return err
		}
	}
	// Ping without privilege, as in podman: for every group of the container's.
	if _, set := b.spec.Linux.Sysctl[pingRange]; !set {
		if b.spec.Linux.Sysctl == nil {
			b.spec.Linux.Sysctl = map[string]string{}
		}
		b.spec.Linux.Sysctl[pingRange] = "0 " + strconv.FormatUint(b.lastGroup(), 10)
	}
	return nil
}

// ports are those that are to be published.
func (b *builder) ports() (ports []slirp.Port, err error) {
	for _, s := range b.o.Publish {
		list, err := parsePublish(s)
		if err != nil {
			return nil, err
		}
		ports = append(ports, list...)
	}
	if b.o.PublishAll {
		return b.publishAll(ports)
	}
	return ports, nil
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
func (b *builder) publishAll(ports []slirp.Port) ([]slirp.Port, error) {
	exposed := slices.Clone(b.o.Expose)
	if b.Image != nil {
		exposed = append(exposed, b.Image.ExposedPorts...)
	}
	for _, s := range exposed {
		list, err := parseExpose(s)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			if !slices.ContainsFunc(ports, func(o slirp.Port) bool { return o.ContainerPort == p.ContainerPort && o.Protocol == p.Protocol }) {
				ports = append(ports, p)
			}
		}
	}
	return ports, nil
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
