package intent

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// askedNetwork tells that somebody wants this network, and not whichever there is.
func (o *Options) askedNetwork() bool {
	return len(o.Network) > 0 && !slices.Equal(o.Network, []string{"default"}) || o.NetworkFlags.asked() != ""
}

// needTUN makes sure that a network which goes through /dev/net/tun can be had. One that nobody asked for
// gives way to none, since pasta and slirp4netns need the device, too: an outer container rarely has it,
// and most commands need no network.
func (b *builder) needTUN() error {
	if !b.connected() || b.Host.TUN == nil {
		return nil
	}
	err := b.Host.TUN()
	if err == nil {
		return nil
	}
	why, fix := "cannot open /dev/net/tun: "+cause(err).Error(), tunFix(err)
	if b.o.askedNetwork() {
		return fail(ErrUnsupported, "--network %s: %s", b.extra.Network, why).fix("%s; or --network host, or none", fix)
	}
	b.ns.slirp, b.extra.Network = nil, noNetwork
	b.warn("the container has no network: " + why + " (fix: " + fix + "; or --network host, or none)")
	return nil
}

// tunFix is what opens the device.
func tunFix(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		return "sudo modprobe tun, in a container give that --device /dev/net/tun"
	case errors.Is(err, fs.ErrPermission):
		return "sudo chmod 0666 /dev/net/tun, in a container give that --device /dev/net/tun"
	}
	return "coracle doctor"
}
