package intent

import (
	"path/filepath"
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
	base, err := b.baseHosts()
	if err != nil {
		return nil, err
	}
	for l := range strings.Lines(base) {
		l, _, _ = strings.Cut(l, "#")
		if f := strings.Fields(l); len(f) > 1 && validIP("", f[0]) == nil {
			line(f[0], f[1:])
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
	if b.connected() {
		address, own = b.ownAddress(own)
		var host []string
		for _, n := range hostNames {
			if !slices.Contains(known, n) {
				host = append(host, n)
			}
		}
		if a := b.hostAddress(); len(host) > 0 && a.IsValid() {
			line(a.String(), host)
		}
	}
	if len(own) > 0 {
		line(address, own)
	}
	return out, nil
}

// baseHosts is the file whose entries are kept: --hosts-file, as podman has it, or with the host's network
// the host's.
func (b *builder) baseHosts() (string, error) {
	switch name := b.o.HostsFile; name {
	case "none":
	case "image":
		if b.View != nil { // an image without the file has no entries to give
			data, _ := b.View.ReadFile("etc/hosts", hostFileLimit)
			return string(data), nil
		}
	case "":
		if b.ns.net.host && b.ns.net.path == "" {
			data, _ := b.Host.readFile("/etc/hosts", hostFileLimit) // nor has a host without it
			return string(data), nil
		}
	default:
		if !filepath.IsAbs(name) {
			name = filepath.Join(b.Host.Cwd, name)
		}
		data, err := b.Host.readFile(name, hostFileLimit)
		if err != nil {
			return "", fail(ErrNotFound, "--hosts-file %s: cannot be read: %v", b.o.HostsFile, cause(err)).fix("the path of a file, none, or image")
		}
		return string(data), nil
	}
	return "", nil
}

// hostNames are podman's and docker's for the host.
var hostNames = [...]string{"host.containers.internal", "host.docker.internal"}

func (b *builder) gateway(s string) (string, error) {
	switch {
	case b.connected() && b.hostAddress().IsValid():
		return b.hostAddress().String(), nil
	case b.ns.slirp != nil:
		return "", fail(ErrUnsupported, "--add-host %s: the networks are internal, from where the host cannot be reached", s)
	case b.ns.driver != nil:
		return "", fail(ErrUnsupported, "--add-host %s: with --network pasta the host cannot be reached", s).fix("--network pasta:--map-gw, or slirp")
	case b.ns.net.path != "":
		return "", fail(ErrUnsupported, "--add-host %s: with --network %s no address of the host is known", s, b.extra.Network).fix("name the address")
	case b.ns.net.host:
		return "127.0.0.1", nil
	case b.extra.Network == "none":
		return "", fail(ErrUnsupported, "--add-host %s: with --network none the host cannot be reached", s).fix("--network host")
	case b.Host.Gateway == "":
		return "", fail(ErrUnsupported, "--add-host %s: no address of the host is known", s)
	}
	return b.Host.Gateway, nil
}
