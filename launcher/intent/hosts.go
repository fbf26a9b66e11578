package intent

import (
	"slices"
	"strings"
)

// parseAddHost reads NAME[;NAME…]:IP, or with docker's "=". The address may be in brackets, or host-gateway.
func parseAddHost(s string) (names []string, ip string, err error) {
	const flag = "--add-host"
	i := strings.IndexAny(s, ":=")
	if i <= 0 {
		return nil, "", invalid(flag, s, "NAME:IP is wanted")
	}
	names = strings.Split(s[:i], ";")
	for _, n := range names {
		if err := validHostname(flag, n, 253); err != nil {
			return nil, "", invalid(flag, s, "the name \""+n+"\" is not one")
		}
	}
	ip = s[i+1:]
	if ip == "host-gateway" {
		return names, ip, nil
	}
	if strings.HasPrefix(ip, "[") && strings.HasSuffix(ip, "]") {
		ip = ip[1 : len(ip)-1]
	}
	if validIP(flag, ip) != nil {
		return nil, "", invalid(flag, s, "\""+ip+"\" is not an IP address")
	}
	return names, ip, nil
}

// hosts is the content of /etc/hosts: what was added, with the host's network the host's own entries, the
// loopback, and the container's name. The last ones only for names that are not there yet, as in podman.
func (b *builder) hosts() ([]byte, error) {
	var out []byte
	var known []string
	line := func(ip string, names []string) {
		known = append(known, names...)
		out = append(append(append(append(out, ip...), '\t'), strings.Join(names, " ")...), '\n')
	}
	for _, s := range b.o.AddHost {
		names, ip, err := parseAddHost(s)
		if err != nil {
			return nil, err
		}
		if ip == "host-gateway" {
			if ip, err = b.gateway(s); err != nil {
				return nil, err
			}
		}
		line(ip, names)
	}
	if b.ns.net.host {
		// A host without the file has no entries to give.
		data, _ := b.Host.readFile("/etc/hosts", hostFileLimit)
		for l := range strings.Lines(string(data)) {
			l, _, _ = strings.Cut(l, "#")
			if f := strings.Fields(l); len(f) > 1 && validIP("", f[0]) == nil {
				line(f[0], f[1:])
			}
		}
	}
	if !slices.Contains(known, "localhost") {
		line("127.0.0.1", []string{"localhost"})
		line("::1", []string{"localhost"})
	}
	var own []string
	for _, n := range [...]string{b.hostname, b.o.Name} {
		if n != "" && !slices.Contains(known, n) && !slices.Contains(own, n) {
			own = append(own, n)
		}
	}
	address := "127.0.0.1"
	if b.ns.slirp != nil {
		plan := b.ns.slirp.Plan()
		address = plan.Container4.Addr().String()
		var host []string
		for _, n := range hostNames {
			if !slices.Contains(known, n) {
				host = append(host, n)
			}
		}
		if len(host) > 0 {
			line(plan.Gateway4.String(), host)
		}
	}
	if len(own) > 0 {
		line(address, own)
	}
	return out, nil
}

// hostNames are podman's and docker's for the host.
var hostNames = [...]string{"host.containers.internal", "host.docker.internal"}

func (b *builder) gateway(s string) (string, error) {
	switch {
	case b.ns.slirp != nil:
		return b.ns.slirp.Plan().Gateway4.String(), nil
	case b.ns.net.host:
		return "127.0.0.1", nil
	case b.extra.Network == "none":
		return "", fail(ErrUnsupported, "--add-host %s: with --network none the host cannot be reached", s).fix("--network host")
	case b.Host.Gateway == "":
		return "", fail(ErrUnsupported, "--add-host %s: no address of the host is known", s)
	}
	return b.Host.Gateway, nil
}
