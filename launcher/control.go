package launcher

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The caller and the supervisor speak over a socket pair: messages of a kind,
// a length and a payload, some with descriptors. Both ends are the same binary;
// the greeting makes sure of it, should the file have been replaced meanwhile.
type kind byte

const (
	// caller to supervisor
	msgLaunch kind = 'L' // a request; descriptors: see request

	// client to supervisor, on the socket that endpoint.go makes; the payload
	// begins with controlVersion
	msgExec   kind = 'E' // operations; descriptors: the standard ones, those to preserve
	msgAttach kind = 'A' // nothing more
	msgWait   kind = 'W' // answered when the container has ended
	msgOpen   kind = 'O' // a path in the container
	msgHealth kind = 'H' // nothing more; answered when a health check has been made
	msgPorts  kind = 'T' // '+' or '-', and what -p has
	// a network: an intent.Attachment as JSON, or a name
	msgConnect    kind = 'C'
	msgDisconnect kind = 'D'

	// client to supervisor, after msgAttach
	msgInput  kind = 'i' // bytes for standard input; none is its end
	msgResize kind = 'r' // rows and columns of the terminal

	// supervisor to caller
	msgStarted   kind = 'S' // pid of the container; descriptors: pidfd, terminal
	msgFailed    kind = 'F' // exit code and text
	msgExited    kind = 'X' // exit status
	msgOutput    kind = 'o' // number of the stream, bytes
	msgOpened    kind = 'P' // descriptor: the file
	msgNone      kind = 'N' // there is no such file
	msgDone      kind = 'd' // what was asked for was done
	msgPublished kind = 'p' // the ports, a line for each
	msgUplink    kind = 'U' // an order for the host's bridge; descriptor: the network's namespace. The answer: 'U' with what keeps the rules, or 'F'
	msgChecked   kind = 'h' // 0 or 1, success or failure, and the word for the container's health
)

// maxMessage bounds a message, in bytes; maxFDs the descriptors with it.
const (
	maxMessage = 32 << 20
	maxFDs     = 64
	// maxRequest bounds what a client may send at once, in bytes.
	maxRequest = 4 << 20
)

// controlVersion is of what clients and supervisors say to each other: a
// container may be older than the program that is asked about it.
const controlVersion = 1

var errClosed = errors.New("the other end is gone")

// conn is one end of the socket pair. It is a plain descriptor, not a net.Conn:
// package net costs every start more than this file.
type conn struct{ f *os.File }

func socketPair() (a, b *os.File, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a socket pair: %w", err)
	}
	return os.NewFile(uintptr(p[0]), "control"), os.NewFile(uintptr(p[1]), "control"), nil
}

// send writes a message. Descriptors travel with its first byte.
func (c conn) send(k kind, payload []byte, files ...int) error {
	head := binary.BigEndian.AppendUint32([]byte{byte(k), byte(len(files))}, uint32(len(payload)))
	var oob []byte
	if len(files) > 0 {
		oob = unix.UnixRights(files...)
	}
	if err := retry(func() error { return unix.Sendmsg(int(c.f.Fd()), head, oob, nil, unix.MSG_NOSIGNAL) }); err != nil {
		return err
	}
	for len(payload) > 0 {
		n := 0
		err := retry(func() (err error) {
			n, err = unix.SendmsgN(int(c.f.Fd()), payload, nil, nil, unix.MSG_NOSIGNAL)
			return err
		})
		if err != nil {
			return err
		}
		payload = payload[n:]
	}
	return nil
}

// receive reads a message. It returns errClosed when the other end is gone.
func (c conn) receive() (k kind, payload []byte, fds []int, err error) {
	return c.receiveAtMost(maxMessage)
}

func (c conn) receiveAtMost(most uint32) (k kind, payload []byte, fds []int, err error) {
	head := make([]byte, 6)
	if fds, err = c.fill(head); err != nil {
		return 0, nil, nil, err
	}
	size := binary.BigEndian.Uint32(head[2:])
	if size > most || len(fds) != int(head[1]) {
		closeAll(fds)
		return 0, nil, nil, fmt.Errorf("damaged message %q: %d bytes, %d descriptors", head[0], size, len(fds))
	}
	payload = make([]byte, size)
	more, err := c.fill(payload)
	closeAll(more)
	if err != nil {
		closeAll(fds)
		return 0, nil, nil, err
	}
	return kind(head[0]), payload, fds, nil
}

func (c conn) fill(b []byte) (fds []int, err error) {
	oob := make([]byte, unix.CmsgSpace(4*maxFDs))
	for len(b) > 0 {
		var n, oobn int
		err := retry(func() (err error) {
			n, oobn, _, _, err = unix.Recvmsg(int(c.f.Fd()), b, oob, unix.MSG_CMSG_CLOEXEC)
			return err
		})
		if err != nil {
			closeAll(fds)
			return nil, err
		}
		if oobn > 0 {
			fds = append(fds, rights(oob[:oobn])...)
		}
		if n == 0 {
			closeAll(fds)
			return nil, errClosed
		}
		b = b[n:]
	}
	return fds, nil
}

func rights(oob []byte) (fds []int) {
	msgs, _ := unix.ParseSocketControlMessage(oob)
	for i := range msgs {
		if f, err := unix.ParseUnixRights(&msgs[i]); err == nil {
			fds = append(fds, f...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
