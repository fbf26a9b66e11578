// Package link makes network devices, bridges and veth pairs, and gives them
// addresses and routes. It speaks rtnetlink(7) with nothing in between: every
// container with a network pays for what this links.
//
// A [Conn] is about the network namespace that its thread was in when it was
// dialled, whichever thread uses it later; one goroutine at a time may. What it
// changes needs CAP_NET_ADMIN in the user namespace that owns the network
// namespace. Errors of the kernel are unix.Errno, as the manual pages have them.
package link

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a socket of NETLINK_ROUTE.
type Conn struct {
	fd       int
	sequence uint32
}

// Dial opens a connection to the network namespace of the calling thread.
func Dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	return &Conn{fd: fd}, nil
}

// Close closes the connection.
func (c *Conn) Close() { unix.Close(c.fd) }

// bytesOf is the memory of a structure of the kernel's.
func bytesOf[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }

// attribute is one of a message (netlink(7)), padded.
func attribute(kind uint16, value ...[]byte) []byte {
	size := unix.SizeofRtAttr
	for _, v := range value {
		size += len(v)
	}
	head := unix.RtAttr{Len: uint16(size), Type: kind}
	b := append(make([]byte, 0, size+3), bytesOf(&head)...)
	for _, v := range value {
		b = append(b, v...)
	}
	return append(b, make([]byte, -len(b)&3)...)
}

func number[T uint8 | uint32](v T) []byte { return bytesOf(&v) }

// text is a string as the kernel has it, with its end.
func text(s string) []byte { return append([]byte(s), 0) }

// send sends a request.
func (c *Conn) send(kind, flags uint16, body [][]byte) error {
	c.sequence++
	head := unix.NlMsghdr{Type: kind, Flags: unix.NLM_F_REQUEST | flags, Seq: c.sequence}
	b := append([]byte(nil), bytesOf(&head)...)
	for _, part := range body {
		b = append(b, part...)
	}
	(*unix.NlMsghdr)(unsafe.Pointer(&b[0])).Len = uint32(len(b))
	return unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// ask sends a request and waits for the acknowledgment.
func (c *Conn) ask(kind, flags uint16, body ...[]byte) error {
	return c.exchange(kind, flags|unix.NLM_F_ACK, body, nil)
}

// answerSize is what the kernel puts into one datagram at most when it lists
// (NLMSG_GOODSIZE is less, but it takes the reader's room, up to 32 KiB).
const answerSize = 32 << 10

// exchange sends a request and calls each for the messages of the answer, until
// its end.
func (c *Conn) exchange(kind, flags uint16, body [][]byte, each func(kind uint16, payload []byte)) error {
	if err := c.send(kind, flags, body); err != nil {
		return err
	}
	answer := make([]byte, answerSize)
	for {
		n, _, err := unix.Recvfrom(c.fd, answer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if done, err := c.take(answer[:n], each); done || err != nil {
			return err
		}
	}
}

// take reads one datagram; done: the answer ends in it.
func (c *Conn) take(b []byte, each func(kind uint16, payload []byte)) (done bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		h := *(*unix.NlMsghdr)(unsafe.Pointer(&b[0]))
		if h.Len < unix.SizeofNlMsghdr || int(h.Len) > len(b) {
			return false, unix.EBADMSG
		}
		payload := b[unix.SizeofNlMsghdr:h.Len]
		b = b[min(len(b), (int(h.Len)+3)&^3):]
		switch {
		case h.Seq != c.sequence: // of a request that was given up
		case h.Type == unix.NLMSG_DONE:
			return true, nil
		case h.Type == unix.NLMSG_ERROR:
			if len(payload) < 4 {
				return false, unix.EBADMSG
			}
			if code := *(*int32)(unsafe.Pointer(&payload[0])); code != 0 {
				return true, unix.Errno(-code)
			}
			return true, nil
		case each != nil:
			each(h.Type, payload)
		}
	}
	return false, nil
}

// attributes calls each for the attributes of a message; damaged ones end it.
func attributes(b []byte, each func(kind uint16, value []byte)) {
	for len(b) >= unix.SizeofRtAttr {
		a := *(*unix.RtAttr)(unsafe.Pointer(&b[0]))
		if a.Len < unix.SizeofRtAttr || int(a.Len) > len(b) {
			return
		}
		each(a.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofRtAttr:a.Len])
		b = b[min(len(b), (int(a.Len)+3)&^3):]
	}
}
