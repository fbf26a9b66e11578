// Package tun makes the device through which a container's packets go, and gives
// it addresses and routes. Everything is about the network namespace of the
// calling thread, in whose user namespace it needs CAP_NET_ADMIN.
package tun

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
)

// Config is what a device is to be.
type Config struct {
	Name string // such as tap0, at most 15 bytes
	MTU  int
	// Addresses are the container's own.
	Addresses []netip.Prefix
	// Gateways are where everything else goes to, one for each family that is served.
	Gateways []netip.Addr
	// Routes lead through the device, too, in the order they are set; their Index is it.
	Routes []link.Route
}

// Device is an open TUN device.
type Device struct {
	// FD does not block. Each packet on it has a virtio-net header of 10 bytes.
	FD int
	// UDPSegments tells that it takes UDP packets that stand for several (Linux 6.2).
	UDPSegments bool
}

// Open makes the device and configures it, and the loopback device, too.
//
// Errors name the step. ENOENT or EACCES of /dev/net/tun: the host has no such
// device, or not for everybody.
func Open(c Config) (_ *Device, err error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open /dev/net/tun: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	request, err := unix.NewIfreq(c.Name)
	if err != nil {
		return nil, fmt.Errorf("device name %q: %w", c.Name, err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, fmt.Errorf("cannot make the device %s: %w", c.Name, err)
	}
	d := &Device{FD: fd}
	// With these the kernel hands over, and takes, packets of 64 KiB whatever the MTU
	// is, with checksums that nobody has to compute.
	const tcp = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	d.UDPSegments = unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tcp|unix.TUN_F_USO4|unix.TUN_F_USO6) == nil
	if !d.UDPSegments {
		if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tcp); err != nil {
			return nil, fmt.Errorf("cannot switch the offloads of %s on: %w", c.Name, err)
		}
	}
	return d, configure(c)
}

func configure(c Config) error {
	n, err := link.Dial()
	if err != nil {
		return err
	}
	defer n.Close()
	index, err := n.Index(c.Name)
	if err != nil {
		return err
	}
	const loopback = 1
	if err := n.Up(loopback, 0); err != nil {
		return fmt.Errorf("cannot switch the loopback device on: %w", err)
	}
	for _, a := range c.Addresses {
		if err := n.AddAddress(index, a); err != nil {
			return fmt.Errorf("cannot give %s the address %s: %w", c.Name, a, err)
		}
	}
	lengthen(c.Name)
	if err := n.Up(index, c.MTU); err != nil {
		return fmt.Errorf("cannot switch %s on: %w", c.Name, err)
	}
	routes := c.Routes
	for _, g := range c.Gateways {
		routes = append(routes, link.Route{To: link.Anywhere(g), Gateway: g})
	}
	for _, r := range routes {
		r.Index = index
		if err := n.AddRoute(r); err != nil {
			return fmt.Errorf("cannot set the route to %s: %w", r.To, err)
		}
	}
	return nil
}

// queueLength is how many packets may wait for the stack. Of the kernel's 500, those
// of some thousand connections that end at once are dropped again and again, as they
// are all sent again at the same moments, until the container's kernel gives them up.
const queueLength = 4096

// lengthen is best before the device is switched on. Without it everything works.
func lengthen(name string) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if request, err := unix.NewIfreq(name); err == nil {
		request.SetUint32(queueLength)
		_ = unix.IoctlIfreq(fd, unix.SIOCSIFTXQLEN, request)
	}
}
