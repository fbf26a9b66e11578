package intent

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"coracle/slirp"
)

// mode is one parsed namespace flag: new, the host's, another container's, or (ipc only) new without
// /dev/shm.
type mode struct {
	host bool
	path string // --network ns:PATH; host is set, too, because nothing of it is the container's
	none bool   // --ipc none
	join string // container
}

func (m mode) private() bool { return !m.host && m.join == "" }

type modes struct {
	pid, ipc, uts, net, cgroup mode

	slirp *slirp.Options // of a network of its own
	// driver is set for a network by a helper program.
	driver *Driver
	// attached are the user networks; slirp is then the way out of them.
	attached []Attachment
}

// parseMode reads "", private, host and container:NAME, and the words of extra, which mean private.
func parseMode(flag, s string, extra ...string) (mode, error) {
	switch {
	case s == "" || s == "private":
		return mode{}, nil
	case s == "host":
		return mode{host: true}, nil
	}
	for _, e := range extra {
		if s == e {
			return mode{none: e == "none"}, nil
		}
	}
	if name, ok := strings.CutPrefix(s, "container:"); ok {
		if err := ValidName(name); err != nil {
			return mode{}, invalid(flag, s, "the container's name is not one")
		}
		return mode{join: name}, nil
	}
	if strings.HasPrefix(s, "ns:") {
		return mode{}, notYet(flag+" ns:PATH", flag+" container:NAME")
	}
	return mode{}, invalid(flag, s, "known are private, host and container:NAME")
}

// parseNetwork reads --network, into the modes and a word for it.
func parseNetwork(list []string, m *modes) (name string, err error) {
	if len(list) > 1 {
		return parseAttached(list, m)
	}
	s := defaultNetwork
	if len(list) == 1 {
		s = list[0]
	}
	if s == "private" || s == "default" {
		s = slirpMode
	}
	switch {
	case s == noNetwork:
		return s, nil
	case s == "host" || strings.HasPrefix(s, "container:"):
		m.net, err = parseMode("--network", s)
		return s, err
	case s == slirpMode || strings.HasPrefix(s, slirpMode+":"):
		o, err := parseSlirp(s)
		m.slirp = &o
		return slirpMode, err
	case s == "":
		return "", invalid("--network", s, "it is empty")
	case strings.HasPrefix(s, "ns:"):
		return s, parseNetns(s, &m.net)
	}
	if m.driver, err = parseDriver(s); m.driver != nil || err != nil {
		return m.driverName(), err
	}
	return parseAttached(list, m)
}

func parseModes(o *Options) (m modes, network string, err error) {
	if m.pid, err = parseMode("--pid", o.PID); err != nil {
		return m, "", err
	}
	if m.ipc, err = parseMode("--ipc", o.IPC, "shareable", "none"); err != nil {
		return m, "", err
	}
	if m.uts, err = parseMode("--uts", o.UTS); err != nil {
		return m, "", err
	}
	if m.cgroup, err = parseMode("--cgroupns", o.Cgroupns); err != nil {
		return m, "", err
	}
	list := o.Network
	if len(list) == 0 && o.NetworkFlags.asked() != "" {
		list = []string{slirpMode}
	}
	if network, err = parseNetwork(list, &m); err != nil {
		return m, "", err
	}
	return m, network, o.AttachFlags.apply(network, &m)
}

// UsernsOf names the container whose user namespace has to be shared: the one of --userns container:NAME,
// or the one whose pid, ipc or cgroup namespace is joined when --userns says nothing. A fresh /proc,
// /dev/mqueue or cgroup mount needs a namespace that is owned by the mounter's own user namespace, so
// joining one without the other cannot work. It is "" when there is none.
func (o *Options) UsernsOf() (string, error) {
	m, _, err := parseModes(o)
	if err != nil {
		return "", err
	}
	explicit, isJoin := strings.CutPrefix(o.Userns, "container:")
	if isJoin && ValidName(explicit) != nil {
		return "", invalid("--userns", o.Userns, "the container's name is not one")
	}
	name := ""
	if isJoin {
		name = explicit
	}
	for _, j := range []struct{ flag, name string }{{"--pid", m.pid.join}, {"--ipc", m.ipc.join}, {"--cgroupns", m.cgroup.join}} {
		switch {
		case j.name == "":
		case name == "" && o.Userns == "" && len(o.UIDMap)+len(o.GIDMap) == 0:
			name = j.name
		case j.name != name:
			other := "a user namespace of its own"
			if name != "" {
				other = "the user namespace of " + name
			}
			return "", conflict(j.flag+" container:"+j.name, other,
				"the namespace belongs to the other container's user namespace").
				fix("--userns container:%s", j.name)
		}
	}
	return name, nil
}

// namespaces lists what is new. A namespace that is the host's has no entry: the spec then means the
// runtime's own.
func (b *builder) namespaces() error {
	var err error
	if b.ns, b.extra.Network, err = parseModes(b.o); err != nil {
		return err
	}
	if err := b.needTUN(); err != nil {
		return err
	}
	if err := b.findDriver(); err != nil {
		return err
	}
	if err := b.userNetworks(); err != nil {
		return err
	}
	if of, err := b.o.UsernsOf(); err != nil {
		return err
	} else if of != "" && b.Maps.Join == "" {
		return fail(ErrConflict, "the namespaces of container %s can only be shared together with its user namespace", of).
			fix("--userns container:%s", of)
	}
	out := make([]specs.LinuxNamespace, 0, 8)
	add := func(t specs.LinuxNamespaceType, m mode) {
		if m.host {
			return
		}
		n := specs.LinuxNamespace{Type: t}
		if m.join != "" {
			n.Path = "container:" + m.join
			if b.extra.Join == nil {
				b.extra.Join = map[specs.LinuxNamespaceType]string{}
			}
			b.extra.Join[t] = m.join
		}
		out = append(out, n)
	}
	add(specs.UserNamespace, mode{host: b.Maps.Host, join: b.Maps.Join})
	add(specs.PIDNamespace, b.ns.pid)
	add(specs.NetworkNamespace, b.ns.net)
	add(specs.IPCNamespace, b.ns.ipc)
	add(specs.UTSNamespace, b.ns.uts)
	add(specs.MountNamespace, mode{})
	add(specs.CgroupNamespace, b.ns.cgroup)
	add(specs.TimeNamespace, mode{host: len(b.o.TimeOffset) == 0})
	b.spec.Linux.Namespaces = out
	if !b.Maps.Host && b.Maps.Join == "" {
		b.spec.Linux.UIDMappings = b.Maps.UIDs
		b.spec.Linux.GIDMappings = b.Maps.GIDs
	}
	return nil
}
