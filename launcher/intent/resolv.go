package intent

import "strings"

// NoDNS stands in the resolv.conf of a container without a network, so that whoever looks there knows.
const NoDNS = "# coracle: --network none, so there is no name server to reach\n"

// resolvConf is the content of /etc/resolv.conf: the host's with the host's network, a comment with none;
// --dns, --dns-search and --dns-option each replace that part. nil leaves the image's file.
func (b *builder) resolvConf() ([]byte, error) {
	servers, search, options := commas(b.o.DNS), commas(b.o.DNSSearch), commas(b.o.DNSOption)
	for _, s := range servers {
		if s == "none" {
			return nil, conflict("--dns none", "other --dns", "none leaves the image's /etc/resolv.conf")
		}
		if err := validIP("--dns", s); err != nil {
			return nil, err
		}
	}
	for _, s := range search {
		if s == "." && len(search) > 1 {
			return nil, conflict("--dns-search .", "other --dns-search", "the dot means none")
		}
		if s != "." {
			if err := validHostname("--dns-search", strings.TrimSuffix(s, "."), 253); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range options {
		if s == "" || strings.ContainsAny(s, " \t\r\n#;\x00") {
			return nil, invalid("--dns-option", s, "an option of resolv.conf(5) is wanted, such as ndots:2")
		}
	}
	asked := len(servers)+len(search)+len(options) > 0
	var host []byte
	if b.connected() {
		host, _ = b.Host.readFile("/etc/resolv.conf", hostFileLimit)
		hs, _, _ := parseResolv(string(host))
		if len(servers) == 0 {
			servers = b.nameServers(len(hs))
		}
	} else if b.ns.net.host {
		var err error
		if host, err = b.Host.readFile("/etc/resolv.conf", hostFileLimit); err != nil && !asked {
			return nil, nil // a host without one has nothing to copy
		}
		if !asked {
			return host, nil
		}
	} else if !asked {
		return []byte(NoDNS), nil
	}
	hs, hSearch, hOptions := parseResolv(string(host))
	if len(servers) == 0 {
		servers = hs
	}
	if len(search) == 0 {
		search = hSearch
	}
	if len(options) == 0 {
		options = hOptions
	}
	var out strings.Builder
	if len(search) > 0 && search[0] != "." {
		out.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	for _, s := range servers {
		out.WriteString("nameserver " + s + "\n")
	}
	if len(options) > 0 {
		out.WriteString("options " + strings.Join(options, " ") + "\n")
	}
	return []byte(out.String()), nil
}

// nameServers are the addresses that stand for the host's n name servers.
func (b *builder) nameServers(n int) (list []string) {
	plan := b.addresses()
	for _, a := range plan.DNS[:min(max(n, 1), len(plan.DNS))] {
		if a.IsValid() {
			list = append(list, a.String())
		}
	}
	return list
}

// parseResolv takes the three kinds of lines of resolv.conf(5) that matter; of search and options the last
// line counts.
func parseResolv(s string) (servers, search, options []string) {
	for line := range strings.Lines(s) {
		if i := strings.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			servers = append(servers, f[1])
		case "search", "domain":
			search = f[1:]
		case "options":
			options = f[1:]
		}
	}
	return servers, search, options
}
