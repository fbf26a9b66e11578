package intent

import (
	"errors"
	"net/netip"
	"strings"

	"coracle/slirp"
	"coracle/slirp/networks"
)

// AttachFlags say how a container is connected to user networks.
type AttachFlags struct {
	NetworkAlias []string `name:"network-alias" aliases:"net-alias" sep:"none" placeholder:"NAME" help:"Another name of the container in its user networks."`
	IP           string   `name:"ip" placeholder:"ADDRESS" help:"IPv4 address in the user network."`
	IP6          string   `name:"ip6" placeholder:"ADDRESS" help:"IPv6 address in the user network."`
	MACAddress   string   `name:"mac-address" placeholder:"MAC" help:"MAC address in the user network."`
}

// Attachment is the connection of a container to a user network, as it was asked for.
type Attachment struct {
	// Network is the network's name; in the options it may be an id or the beginning of one.
	Network string
	// Aliases are names that the container has in this network besides its own.
	Aliases []string `json:",omitempty"`
	// IP4 and IP6 are the addresses that it is to have; invalid: any.
	IP4 netip.Addr `json:",omitzero"`
	IP6 netip.Addr `json:",omitzero"`
	// MAC is the address of the device, empty for any.
	MAC string `json:",omitempty"`
	// Interface is the name of the device in the container, empty for the next ethN.
	Interface string `json:",omitempty"`
}

// String is the attachment as --network has it.
func (a *Attachment) String() string {
	var list []string
	add := func(key, value string) {
		if value != "" {
			list = append(list, key+"="+value)
		}
	}
	for _, alias := range a.Aliases {
		add("alias", alias)
	}
	if a.IP4.IsValid() {
		add("ip", a.IP4.String())
	}
	if a.IP6.IsValid() {
		add("ip6", a.IP6.String())
	}
	add("mac", a.MAC)
	add("interface_name", a.Interface)
	if len(list) == 0 {
		return a.Network
	}
	return a.Network + ":" + strings.Join(list, ",")
}

// Set takes one of the options of --network NAME:OPTION=VALUE,…, of this flag.
func (a *Attachment) Set(flag, option, value string) error {
	switch option {
	case "alias":
		if err := validHostname(flag, value, 253); err != nil {
			return err
		}
		a.Aliases = append(a.Aliases, value)
	case "ip", "ip6":
		ip, err := netip.ParseAddr(value)
		if err != nil || ip.Zone() != "" || ip.Is4() != (option == "ip") || ip.Is4In6() {
			return invalid(flag, value, map[string]string{"ip": "an IPv4 address is wanted", "ip6": "an IPv6 address is wanted"}[option])
		}
		if option == "ip" {
			a.IP4 = ip
		} else {
			a.IP6 = ip
		}
	case "mac", "mac_address", "mac-address":
		mac, ok := parseMAC(value)
		if !ok {
			return invalid(flag, value, "six pairs of hexadecimal digits of one device's address are wanted, such as 92:d0:c6:0a:29:33")
		}
		a.MAC = mac
	case "interface_name", "interface-name":
		if !validInterface(value) {
			return invalid(flag, value, "the name of a device has 1 to 15 characters, none of them a blank, / or :, and is none of lo and "+slirp.Device)
		}
		a.Interface = value
	default:
		return invalid(flag, option, "alias=, ip=, ip6=, mac= and interface_name= are possible")
	}
	return nil
}

// parseMAC reads the address of one Ethernet device, and writes it in small letters.
func parseMAC(s string) (string, bool) {
	s = strings.ToLower(strings.ReplaceAll(s, "-", ":"))
	pairs := strings.Split(s, ":")
	all := ""
	for _, p := range pairs {
		if len(p) != 2 || strings.Trim(p, "0123456789abcdef") != "" {
			return "", false
		}
		all += p
	}
	// The least bit of the first byte marks a group of devices (IEEE 802).
	return s, len(pairs) == 6 && strings.Trim(all, "0") != "" && strings.IndexByte("02468ace", s[1]) >= 0
}

// validInterface holds the name against dev_valid_name() of the kernel.
func validInterface(s string) bool {
	return s != "" && len(s) <= 15 && s != "." && s != ".." && s != "lo" && s != "all" && s != "default" && s != slirp.Device &&
		strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/:%,=", r) }) < 0
}

// ParseAttachment reads --network NAME[:OPTION=VALUE,…], or docker's name=NAME,OPTION=VALUE,….
func ParseAttachment(s string) (Attachment, error) {
	const flag = "--network"
	name, list, _ := strings.Cut(s, ":")
	if rest, ok := strings.CutPrefix(s, "name="); ok {
		name, list, _ = strings.Cut(rest, ",")
	}
	a := Attachment{Network: name}
	switch err := networks.CheckName(name); {
	case errors.Is(err, networks.ErrReserved):
		return a, notYet(flag+" "+s, "--network slirp, none or host")
	case err != nil:
		return a, invalid(flag, s, "slirp, none, host, container:NAME and the names of user networks are possible").fix("coracle network ls")
	}
	for option := range strings.SplitSeq(list, ",") {
		if option == "" {
			continue
		}
		key, value, _ := strings.Cut(option, "=")
		if err := a.Set(flag+" "+name+":"+key, key, value); err != nil {
			return a, err
		}
	}
	return a, nil
}

// parseAttached reads --network when it names user networks. Beside them slirp may
// stand, with options: it is the way out of them, and what stays when the container is
// disconnected from the last.
func parseAttached(list []string, m *modes) (name string, err error) {
	options, own := slirp.Defaults(), false
	for _, s := range list {
		word, _, _ := strings.Cut(s, ":")
		if len(list) > 1 && word == slirpMode && !own {
			if options, err = parseSlirp(s); err != nil {
				return "", err
			}
			own = true
			continue
		}
		if len(list) > 1 && !strings.HasPrefix(s, "name=") && networks.CheckName(word) != nil {
			return "", fail(ErrConflict, "--network %s cannot stand beside others: only user networks can be given several times", s).
				fix("--network %s alone, or coracle network ls", s)
		}
		a, err := ParseAttachment(s)
		if err != nil {
			return "", err
		}
		for i := range m.attached {
			o := &m.attached[i]
			switch {
			case o.Network == a.Network:
				return "", fail(ErrConflict, "--network %s was given twice", a.Network)
			case a.Interface != "" && o.Interface == a.Interface:
				return "", conflict("--network "+s, "--network "+o.String(), "two devices cannot have one name")
			}
		}
		m.attached = append(m.attached, a)
	}
	m.slirp = &options
	return m.attached[0].Network, nil
}

// apply adds to the attachments what other flags say of them.
func (f *AttachFlags) apply(network string, m *modes) error {
	for _, one := range [...]struct{ flag, option, value string }{{"--ip", "ip", f.IP}, {"--ip6", "ip6", f.IP6}, {"--mac-address", "mac", f.MACAddress}} {
		switch {
		case one.value == "":
			continue
		case len(m.attached) == 0:
			return noUserNetwork(one.flag, network)
		case len(m.attached) > 1:
			return fail(ErrConflict, "%s is for one network, and there are %d", one.flag, len(m.attached)).
				fix("--network %s:%s=%s", m.attached[0].Network, one.option, one.value)
		}
		if err := m.attached[0].Set(one.flag, one.option, one.value); err != nil {
			return err
		}
	}
	for _, alias := range f.NetworkAlias {
		if len(m.attached) == 0 {
			return noUserNetwork("--network-alias", network)
		}
		for i := range m.attached {
			if err := m.attached[i].Set("--network-alias", "alias", alias); err != nil {
				return err
			}
		}
	}
	return nil
}

func noUserNetwork(flag, network string) error {
	return conflict(flag, "--network "+network, "only a user network has it").
		fix("coracle network create NAME, and --network NAME")
}

// Attachments are the connections to user networks that were asked for.
func (o *Options) Attachments() ([]Attachment, error) {
	m, _, err := parseModes(o)
	return m.attached, err
}

// Attach replaces the user networks that were asked for. A container that had the
// network slirp, or none by name, keeps it as its way out; one that had only user
// networks is left without any when the list is empty.
func (o *Options) Attach(list []Attachment) {
	keep := []string{}
	if len(o.Network) == 0 {
		keep = append(keep, slirpMode)
	}
	for _, s := range o.Network {
		switch word, _, _ := strings.Cut(s, ":"); word {
		case slirpMode:
			keep = append(keep, s)
		case "private", "default":
			keep = append(keep, slirpMode)
		}
	}
	o.AttachFlags, o.Network = AttachFlags{}, keep
	for i := range list {
		o.Network = append(o.Network, list[i].String())
	}
	if len(o.Network) == 0 {
		o.Network = []string{noNetwork}
	}
}

// Attachable tells whether the container can be connected to user networks: its network
// is its own, slirp, others of these, or none. Errors: [ErrConflict].
func (o *Options) Attachable() error {
	m, network, err := parseModes(o)
	if err != nil || m.slirp != nil || network == noNetwork {
		return err
	}
	return fail(ErrConflict, "its network is %s, beside which there can be no other", network).
		fix("make it anew, with --network NAME")
}

// NetworkName is the word for the container's network, as in [Extras.Network].
func (o *Options) NetworkName() string {
	_, network, err := parseModes(o)
	if err != nil {
		return ""
	}
	return network
}
