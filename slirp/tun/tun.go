// Package tun makes the device through which a container's packets go, and gives
// it addresses and routes. Everything is about the network namespace of the
// calling thread, in whose user namespace it needs CAP_NET_ADMIN.
package tun

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Config is what a device is to be.
type Config struct {
	Name string // such as tap0, at most 15 bytes
	MTU  int
	// Addresses are the container's own.
	Addresses []netip.Prefix
	// Gateways are where everything else goes to, one for each family that is served.
	Gateways []netip.Addr
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

// configure speaks rtnetlink(7).
func configure(c Config) error {
	n, err := dial()
	if err != nil {
		return err
	}
	defer unix.Close(n.fd)
	index, err := n.index(c.Name)
	if err != nil {
		return err
	}
	const loopback = 1
	if err := n.up(loopback, 0); err != nil {
		return fmt.Errorf("cannot switch the loopback device on: %w", err)
	}
	for _, a := range c.Addresses {
		if err := n.address(index, a); err != nil {
			return fmt.Errorf("cannot give %s the address %s: %w", c.Name, a, err)
		}
	}
	if err := n.up(index, c.MTU); err != nil {
		return fmt.Errorf("cannot switch %s on: %w", c.Name, err)
	}
	for _, g := range c.Gateways {
		if err := n.route(index, g); err != nil {
			return fmt.Errorf("cannot set the route over %s: %w", g, err)
		}
	}
	return nil
}

// netlink is a socket of NETLINK_ROUTE.
type netlink struct {
	fd       int
	sequence uint32
}

func dial() (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	return &netlink{fd: fd}, nil
}

// bytesOf is the memory of a structure of the kernel's.
func bytesOf[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }

// attribute is one of a message (netlink(7)), padded.
func attribute(kind uint16, value []byte) []byte {
	head := unix.RtAttr{Len: uint16(unix.SizeofRtAttr + len(value)), Type: kind}
	b := append(append([]byte(nil), bytesOf(&head)...), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func number(v uint32) []byte { return bytesOf(&v) }

// ask sends a request and waits for the acknowledgment.
func (n *netlink) ask(kind, flags uint16, body ...[]byte) error {
	n.sequence++
	head := unix.NlMsghdr{Type: kind, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK | flags, Seq: n.sequence}
	b := append([]byte(nil), bytesOf(&head)...)
	for _, part := range body {
		b = append(b, part...)
	}
	(*unix.NlMsghdr)(unsafe.Pointer(&b[0])).Len = uint32(len(b))
	if err := unix.Sendto(n.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 8<<10)
	for {
		size, _, err := unix.Recvfrom(n.fd, answer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if size < unix.SizeofNlMsghdr+4 {
			return unix.EBADMSG
		}
		h := (*unix.NlMsghdr)(unsafe.Pointer(&answer[0]))
		if h.Seq != n.sequence || h.Type != unix.NLMSG_ERROR {
			continue
		}
		if code := *(*int32)(unsafe.Pointer(&answer[unix.SizeofNlMsghdr])); code != 0 {
			return unix.Errno(-code)
		}
		return nil
	}
}

func (n *netlink) index(name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(n.socket(), unix.SIOCGIFINDEX, request)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot find the device %s: %w", name, err)
	}
	return int(request.Uint32()), nil
}

// socket is one that interface requests may go through (netdevice(7): any).
func (n *netlink) socket() int { return n.fd }

func (n *netlink) up(index, mtu int) error {
	m := unix.IfInfomsg{Index: int32(index), Flags: unix.IFF_UP, Change: unix.IFF_UP}
	body := [][]byte{bytesOf(&m)}
	if mtu > 0 {
		body = append(body, attribute(unix.IFLA_MTU, number(uint32(mtu))))
	}
	return n.ask(unix.RTM_NEWLINK, 0, body...)
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func (n *netlink) address(index int, p netip.Prefix) error {
	m := unix.IfAddrmsg{Family: familyOf(p.Addr()), Prefixlen: uint8(p.Bits()), Index: uint32(index)}
	ip := p.Addr().AsSlice()
	body := [][]byte{bytesOf(&m), attribute(unix.IFA_LOCAL, ip), attribute(unix.IFA_ADDRESS, ip)}
	if p.Addr().Is6() {
		// Nobody else can have it, and waiting to make sure takes seconds.
		body = append(body, attribute(unix.IFA_FLAGS, number(unix.IFA_F_NODAD)))
	}
	return n.ask(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body...)
}

func (n *netlink) route(index int, gateway netip.Addr) error {
	m := unix.RtMsg{
		Family: familyOf(gateway), Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BOOT,
		Scope: unix.RT_SCOPE_UNIVERSE, Type: unix.RTN_UNICAST,
	}
	return n.ask(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, bytesOf(&m),
		attribute(unix.RTA_OIF, number(uint32(index))), attribute(unix.RTA_GATEWAY, gateway.AsSlice()))
}
