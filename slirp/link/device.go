package link

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MAC is a hardware address.
type MAC [6]byte

// String is as everybody writes it: 02:42:0a:59:00:05.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Device is a network device as it was when it was asked for.
type Device struct {
	Index int
	Name  string
	// Kind is bridge, veth, tun and the like; empty for those that are hardware, and lo.
	Kind string
	MAC  MAC
	MTU  int
	Up   bool
	// Master is the index of the bridge that it is in, 0 for none.
	Master int
}

// List returns the devices of the namespace.
func (c *Conn) List() (list []Device, err error) {
	var m unix.IfInfomsg
	err = c.exchange(unix.RTM_GETLINK, unix.NLM_F_DUMP, [][]byte{bytesOf(&m)}, func(kind uint16, payload []byte) {
		if d, ok := parseDevice(payload); ok && kind == unix.RTM_NEWLINK {
			list = append(list, d)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the network devices: %w", err)
	}
	return list, nil
}

func parseDevice(b []byte) (d Device, ok bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return Device{}, false
	}
	m := *(*unix.IfInfomsg)(unsafe.Pointer(&b[0]))
	d.Index, d.Up = int(m.Index), m.Flags&unix.IFF_UP != 0
	attributes(b[unix.SizeofIfInfomsg:], func(kind uint16, value []byte) {
		switch {
		case kind == unix.IFLA_IFNAME:
			d.Name = strings.TrimRight(string(value), "\x00")
		case kind == unix.IFLA_ADDRESS && len(value) == len(d.MAC):
			copy(d.MAC[:], value)
		case kind == unix.IFLA_MTU && len(value) == 4:
			d.MTU = int(*(*uint32)(unsafe.Pointer(&value[0])))
		case kind == unix.IFLA_MASTER && len(value) == 4:
			d.Master = int(*(*uint32)(unsafe.Pointer(&value[0])))
		case kind == unix.IFLA_LINKINFO:
			attributes(value, func(kind uint16, value []byte) {
				if kind == unix.IFLA_INFO_KIND {
					d.Kind = strings.TrimRight(string(value), "\x00")
				}
			})
		}
	})
	return d, d.Name != ""
}

// Index finds a device by its name. ENODEV: there is none.
func (c *Conn) Index(name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(c.fd, unix.SIOCGIFINDEX, request) // netdevice(7): any socket will do
	}
	if err != nil {
		return 0, fmt.Errorf("cannot find the device %s: %w", name, err)
	}
	return int(request.Uint32()), nil
}

// Up switches a device on; an MTU of 0 leaves its own.
func (c *Conn) Up(index, mtu int) error {
	m := unix.IfInfomsg{Index: int32(index), Flags: unix.IFF_UP, Change: unix.IFF_UP}
	body := [][]byte{bytesOf(&m)}
	if mtu > 0 {
		body = append(body, attribute(unix.IFLA_MTU, number(uint32(mtu))))
	}
	return c.ask(unix.RTM_NEWLINK, 0, body...)
}

// SetMaster puts a device into a bridge, or with 0 takes it out. EXFULL: the
// bridge has all the ports that one can have, 1023 (BR_MAX_PORTS).
func (c *Conn) SetMaster(index, master int) error {
	m := unix.IfInfomsg{Index: int32(index)}
	return c.ask(unix.RTM_NEWLINK, 0, bytesOf(&m), attribute(unix.IFLA_MASTER, number(uint32(master))))
}

// Delete removes a device; of a veth pair both ends. ENODEV: it is gone.
func (c *Conn) Delete(index int) error {
	m := unix.IfInfomsg{Index: int32(index)}
	return c.ask(unix.RTM_DELLINK, 0, bytesOf(&m))
}

// ParseMAC reads an address of one device: 02:42:0a:59:00:05.
func ParseMAC(s string) (m MAC, err error) {
	parts := strings.Split(s, ":")
	for i := range m {
		if len(parts) != len(m) || len(parts[i]) != 2 {
			return m, fmt.Errorf("hardware address %.40q: six pairs of hexadecimal digits are wanted, as in 02:42:0a:59:00:05", s)
		}
		n, err := strconv.ParseUint(parts[i], 16, 8)
		if err != nil {
			return m, fmt.Errorf("hardware address %.40q: %q is no hexadecimal number", s, parts[i])
		}
		m[i] = byte(n)
	}
	if m[0]&1 != 0 || m == (MAC{}) {
		return m, fmt.Errorf("hardware address %s: it is not one of a single device", s)
	}
	return m, nil
}
