package nft

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a socket of NETLINK_NETFILTER in the network namespace of the thread that
// dialled it. The tables made through it live as long as a descriptor of it is open.
type Conn struct{ fd int }

// Dial opens a socket.
func Dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("cannot open a socket to nf_tables: %w", err)
	}
	return &Conn{fd: fd}, nil
}

// FD is the socket's descriptor, which stays the connection's.
func (c *Conn) FD() int { return c.fd }

// Close closes it, once. Other descriptors of the same socket keep its tables.
func (c *Conn) Close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}

// answerSize is the largest datagram of an answer, in bytes: what the kernel makes
// of a dump.
const answerSize = 32 << 10

// Apply carries a batch out, all of it or nothing; only one of more than a hundred
// kilobytes may leave its beginning, until the socket is closed. Errors of the kernel
// are unix.Errno: EPERM without CAP_NET_ADMIN, EOPNOTSUPP or EPROTONOSUPPORT without
// nf_tables, ENOENT without one of its parts.
func (c *Conn) Apply(b *Batch) error {
	for parts := b.parts; len(parts) > 0; {
		message, n := datagram(parts)
		if err := c.apply(message, parts[:n]); err != nil {
			return err
		}
		parts = parts[n:]
	}
	return nil
}

func (c *Conn) apply(message []byte, parts []part) error {
	if err := unix.Sendto(c.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("cannot talk to nf_tables: %w", err)
	}
	var failed error
	err := c.answers(func(h unix.NlMsghdr, payload []byte) (done bool) {
		if h.Type != unix.NLMSG_ERROR || len(payload) < 4 || int(h.Seq) > len(parts) {
			return false
		}
		if code := *(*int32)(unsafe.Pointer(&payload[0])); code != 0 && failed == nil {
			what := "it all"
			if h.Seq > 0 {
				what = parts[h.Seq-1].what
			}
			failed = &Error{What: what, Errno: unix.Errno(-code)}
		}
		return h.Seq == 0 || int(h.Seq) == len(parts)
	})
	return errors.Join(failed, err)
}

// answers calls each for the messages that come, until it says that it is done.
func (c *Conn) answers(each func(h unix.NlMsghdr, payload []byte) (done bool)) error {
	answer := make([]byte, answerSize)
	for {
		n, _, err := unix.Recvfrom(c.fd, answer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("no answer of nf_tables: %w", err)
		}
		done := false
		for b := answer[:n]; len(b) >= unix.SizeofNlMsghdr; {
			h := *(*unix.NlMsghdr)(unsafe.Pointer(&b[0]))
			if h.Len < unix.SizeofNlMsghdr || int(h.Len) > len(b) {
				return unix.EBADMSG
			}
			done = each(h, b[unix.SizeofNlMsghdr:h.Len]) || done
			b = b[min(len(b), (int(h.Len)+3)&^3):]
		}
		if done {
			return nil
		}
	}
}

// Error is what the kernel said of one part of a batch.
type Error struct {
	// What is the table, chain or rule that it did not take.
	What  string
	Errno unix.Errno
}

func (e *Error) Error() string { return fmt.Sprintf("nf_tables refuses %s: %v", e.What, e.Errno) }

// Unwrap is the number of the error.
func (e *Error) Unwrap() error { return e.Errno }
