package link

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel finishes some things in workers of its own, after it has said that
// they are done. A packet that comes in between is lost, and the first ones of a
// device ask for neighbours: they are repeated a second later. So who hands a
// device to a program waits for these workers, as a rule for less than 1 ms.
const (
	settleWait = 500 * time.Millisecond
	settleStep = 200 * time.Microsecond
)

// settled asks until the answer is yes, or it has taken too long: what was waited
// for comes later, then, and nothing but time is lost.
func settled(ask func() (bool, error)) error {
	for deadline := time.Now().Add(settleWait); ; time.Sleep(settleStep) {
		if yes, err := ask(); err != nil || yes || time.Now().After(deadline) {
			return err
		}
	}
}

// Settle waits until a device that is switched on, as is what it is connected to,
// passes packets (net/core/link_watch.c): a bridge drops what comes from a new port
// before. Asking makes the kernel see to it at once, since Linux 6.8.
func (c *Conn) Settle(index int) error {
	m := unix.IfInfomsg{Index: int32(index)}
	return settled(func() (running bool, err error) {
		err = c.exchange(unix.RTM_GETLINK, unix.NLM_F_ACK, [][]byte{bytesOf(&m)}, func(_ uint16, payload []byte) {
			running = len(payload) >= unix.SizeofIfInfomsg && (*unix.IfInfomsg)(unsafe.Pointer(&payload[0])).Flags&unix.IFF_RUNNING != 0
		})
		return running, err
	})
}

// SettleAddress waits until packets to an address of the namespace are taken: for
// one of IPv6 the kernel joins its multicast group and makes its local route in a
// worker (addrconf_dad_work), also where nobody is asked whether he has it.
func (c *Conn) SettleAddress(a netip.Addr) error {
	if !a.Is6() {
		return nil
	}
	m := unix.RtMsg{Family: unix.AF_INET6, Dst_len: 128}
	body := [][]byte{bytesOf(&m), attribute(unix.RTA_DST, a.AsSlice())}
	return settled(func() (local bool, err error) {
		err = c.exchange(unix.RTM_GETROUTE, unix.NLM_F_ACK, body, func(_ uint16, payload []byte) {
			local = len(payload) >= unix.SizeofRtMsg && (*unix.RtMsg)(unsafe.Pointer(&payload[0])).Type == unix.RTN_LOCAL
		})
		if err == unix.ENETUNREACH {
			err = nil // there is no route at all yet
		}
		return local, err
	})
}
