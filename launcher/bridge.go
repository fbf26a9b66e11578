package launcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge"
	"coracle/slirp/networks"
)

// The default network is on the host, as docker's is, for whoever may administer the
// host's network: the same namespace with a bridge as for everybody, but with a
// device that leads to the host, and rules of its firewall, in the place of each
// container's own way out.

// onHost tells whether this process may administer the network that it is in: it has
// CAP_NET_ADMIN, and the network belongs to its own user namespace.
func onHost() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil || data[0].Effective&(1<<unix.CAP_NET_ADMIN) == 0 {
		return false
	}
	ns, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(ns)
	owner, err := unix.IoctlRetInt(ns, unix.NS_GET_USERNS)
	if err != nil {
		return false // it is that of a user namespace above, as ioctl_ns(2) has it
	}
	defer unix.Close(owner)
	var theirs, ours unix.Stat_t
	return unix.Fstat(owner, &theirs) == nil && unix.Stat("/proc/thread-self/ns/user", &ours) == nil && theirs.Ino == ours.Ino && theirs.Dev == ours.Dev
}

// findNetwork finds a network by name or id. The default one is another for who may
// administer the host's.
func (l *launch) findNetwork(ref string) (*networks.Network, error) {
	n, err := networks.Store{Dir: filepath.Join(l.paths.Data, networks.DirName)}.Find(ref)
	if err != nil || !n.IsDefault() || !onHost() {
		return n, err
	}
	if l.bridge == nil {
		if l.bridge, err = hostBridge(); err != nil {
			return nil, err
		}
	}
	return l.bridge, nil
}

// hostBridge is the default network as it is, or would be, on this host.
func hostBridge() (*networks.Network, error) {
	routes, err := networks.HostRoutes()
	if err != nil {
		return nil, err
	}
	n := networks.Default()
	four, six, err := bridge.Subnets(routes)
	if err != nil {
		return nil, err
	}
	n.Subnets = []networks.Subnet{four}
	if six.Prefix.IsValid() {
		n.Subnets = append(n.Subnets, six)
	}
	return n, nil
}

// checkBridge refuses what a network on the host cannot do.
func (l *launch) checkBridge() error {
	if l.bridge == nil {
		return nil
	}
	list := l.extras.Attachments
	switch {
	case len(list) > 1:
		return fmt.Errorf("--network %s: the host's bridge cannot stand beside other networks, whose way out is another\n  fix: --network NAME of networks made with: coracle network create NAME", networks.DefaultName)
	case l.extras.Slirp != nil && len(l.extras.Slirp.Egress) > 0:
		return errors.New("--egress: the host's kernel moves what a container on its bridge sends, and knows no names\n  fix: --network slirp, or a network made with: coracle network create NAME")
	case l.extras.Slirp != nil && l.extras.Slirp.HideClients:
		return errors.New("--source-ip gateway: the host's kernel brings clients to its bridge, with their own addresses\n  fix: --network slirp, or a network made with: coracle network create NAME")
	}
	for _, a := range list {
		for _, s := range l.bridge.Subnets {
			if host := bridge.HostSide(s.Prefix).Addr(); a.IP4 == host || a.IP6 == host {
				return fmt.Errorf("--ip %s: the host has this address of network %s\n  fix: another, or none", host, l.bridge.Name)
			}
		}
	}
	return nil
}

// sweepBridge puts back settings of the host's that a killed process has changed.
func (l *launch) sweepBridge() {
	if l.grant.UID != 0 {
		return
	}
	k := bridge.Keeper{Dir: l.paths.Run}
	if !k.Left() {
		return
	}
	if lock, err := bridge.Lock(l.paths.Run); err == nil {
		if err := k.Sweep(); err != nil {
			fmt.Fprintln(os.Stderr, "coracle: "+err.Error())
		}
		lock.Close()
	}
}
