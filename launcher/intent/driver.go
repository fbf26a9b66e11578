package intent

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"coracle/slirp"
)

// Driver is a helper program that connects the container in the place of slirp.
type Driver struct {
	// Name is pasta or slirp4netns, Program its path.
	Name, Program string
	// Args are its options, but for what the supervisor alone knows.
	Args []string
	// Plan has the addresses inside. Those that are the program's choice are zero.
	Plan slirp.Plan
	// Host is where the host is reached; zero where it is not.
	Host netip.Addr
	// Ports are led into the container.
	Ports []slirp.Port
}

// The helper programs, which are podman's words for them, too.
const (
	pasta       = "pasta"
	slirp4netns = "slirp4netns"
)

// parseDriver reads --network pasta[:ARG,…] and slirp4netns[:OPTION=VALUE,…], as podman-run(1) has them. It
// is nil when the word means something else.
func parseDriver(s string) (*Driver, error) {
	name, list, has := strings.Cut(s, ":")
	var words []string
	if has && list != "" {
		words = strings.Split(list, ",")
	}
	switch name {
	case pasta:
		return parsePasta(s, words)
	case slirp4netns:
		return parseSlirp4netns(s, words)
	}
	return nil, nil
}

// pastaOwn are options of pasta(1) about what is the supervisor's business.
const pastaOwn = " -f --foreground -P --pid --netns --userns --netns-only --runas -l --log-file -e --stderr -h --help --version -F --fd "

// parsePasta takes words of pasta's command line. What they leave open is as in podman, but for the
// container's address: podman gives it the host's, here it is known before the program starts.
func parsePasta(s string, words []string) (*Driver, error) {
	d := &Driver{Name: pasta}
	defaults := slirp.Defaults()
	plan := defaults.Plan()
	d.Plan.Container4, d.Plan.Gateway4, d.Plan.DNS[0] = plan.Container4, plan.Gateway4, plan.DNS[0]
	given := make(map[string]bool)
	mapGateway := false
	for i := 0; i < len(words); i++ {
		w := words[i]
		option, value, _ := strings.Cut(w, "=")
		if len(option) > 2 && option[0] == '-' && option[1] != '-' { // -P/tmp/file
			option, value = option[:2], w[2:]
		}
		switch {
		case i == 0 && !strings.HasPrefix(w, "-"):
			return nil, invalid("--network", s, "the words of pasta(1) are wanted, such as pasta:--mtu,1500")
		case strings.Contains(pastaOwn, " "+option+" "):
			return nil, invalid("--network", s, option+" is not for users to say")
		case w == "--map-gw": // podman's; for pasta it is the default
			mapGateway = true
			continue
		}
		d.Args = append(d.Args, w)
		given[option] = true
		if value == "" && i+1 < len(words) {
			value = words[i+1]
		}
		a, err := netip.ParseAddr(value)
		switch {
		case err != nil:
		case a.Is4() && (option == "-a" || option == "--address"):
			d.Plan.Container4 = netip.PrefixFrom(a, 24)
		case a.Is4() && (option == "-g" || option == "--gateway"):
			d.Plan.Gateway4 = a
		case option == "--dns-forward":
			d.Plan.DNS[0] = a
		}
	}
	address := []string{"-a", d.Plan.Container4.Addr().String(), "-n", "24", "-g", d.Plan.Gateway4.String()}
	for _, o := range []struct {
		names string
		args  []string
	}{
		{"--config-net", []string{"--config-net"}},
		{"--quiet -q --debug -d --trace", []string{"--quiet"}},
		{"--dns-forward", []string{"--dns-forward", d.Plan.DNS[0].String()}},
		{"--address -a", address[:2]}, {"--netmask -n", address[2:4]}, {"--gateway -g", address[4:]},
		{"--tcp-ns -T", []string{"-T", "none"}}, {"--udp-ns -U", []string{"-U", "none"}},
	} {
		if !slices.ContainsFunc(strings.Fields(o.names), func(n string) bool { return given[n] }) {
			d.Args = append(d.Args, o.args...)
		}
	}
	if mapGateway {
		d.Host = d.Plan.Gateway4
	} else if !given["--no-map-gw"] {
		d.Args = append(d.Args, "--no-map-gw")
	}
	return d, nil
}

// parseSlirp4netns takes podman's options of it. The sandbox and the filter of the program are always on.
func parseSlirp4netns(s string, words []string) (*Driver, error) {
	d := &Driver{Name: slirp4netns, Args: []string{"--configure", "--enable-sandbox", "--enable-seccomp"}}
	o := slirp.Defaults()
	o.MTU = 65520 // podman's; without offloads it is what makes it fast
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "cidr", "mtu", "enable_ipv6", "allow_host_loopback":
			if err := o.Set(name, value); err != nil {
				return nil, invalid("--network", s, strings.TrimPrefix(err.Error(), slirp.ErrOption.Error()+": "))
			}
		case "outbound_addr", "outbound_addr6":
			// An address, or the name of a device.
			if value == "" {
				return nil, invalid("--network", s, name+" has no value")
			}
			d.Args = append(d.Args, "--"+strings.ReplaceAll(name, "_", "-")+"="+value)
		case "port_handler":
			if value != slirp4netns {
				return nil, fail(ErrUnsupported, "--network %s: ports are led in by slirp4netns itself", s).fix("port_handler=slirp4netns, or --network slirp")
			}
		default:
			return nil, invalid("--network", s, "cidr=, mtu=, enable_ipv6=, allow_host_loopback=, outbound_addr=, outbound_addr6= and port_handler= are known")
		}
	}
	d.Args = append(d.Args, "--cidr="+o.CIDR4.String(), "--mtu="+strconv.Itoa(o.MTU))
	if o.CIDR6.IsValid() {
		d.Args = append(d.Args, "--enable-ipv6")
	}
	if !o.HostLoopback {
		d.Args = append(d.Args, "--disable-host-loopback")
	}
	plan := o.Plan()
	d.Plan.Container4, d.Plan.Gateway4, d.Plan.DNS[0] = plan.Container4, plan.Gateway4, plan.DNS[0]
	d.Host = plan.Gateway4
	return d, nil
}

// findDriver finds the helper program.
func (b *builder) findDriver() error {
	d := b.ns.driver
	if d == nil || b.Host.LookPath == nil {
		return nil
	}
	path, err := b.Host.LookPath(d.Name)
	if err != nil {
		return fail(ErrNotFound, "--network %s: the program %s is not installed", d.Name, d.Name).
			fix("sudo apt install %s   (or dnf, pacman, zypper, apk), or --network slirp", map[string]string{pasta: "passt", slirp4netns: slirp4netns}[d.Name])
	}
	d.Program = path
	return nil
}

// connected says that the container has a network of its own that leads somewhere.
func (b *builder) connected() bool { return b.ns.slirp != nil || b.ns.driver != nil }
