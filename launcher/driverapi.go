package launcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp"
)

// forwardAll leads ports in through the API socket of slirp4netns(1), one request a
// connection.
func forwardAll(api string, ports []slirp.Port) error {
	for _, p := range ports {
		request, err := hostForward(p)
		if err != nil {
			return err
		}
		answer, err := askAPI(api, request)
		if err == nil {
			err = forwardFailed(answer)
		}
		if err != nil {
			return fmt.Errorf("cannot publish %s: %w", p, err)
		}
	}
	return nil
}

// hostForward is the request to lead a port in.
func hostForward(p slirp.Port) ([]byte, error) {
	type arguments struct {
		Proto     string `json:"proto"`
		HostAddr  string `json:"host_addr,omitempty"`
		HostPort  uint16 `json:"host_port"`
		GuestPort uint16 `json:"guest_port"`
	}
	a := arguments{Proto: p.Protocol, HostPort: p.HostPort, GuestPort: p.ContainerPort}
	switch {
	case p.HostIP.Is6():
		return nil, fmt.Errorf("cannot publish %s: slirp4netns leads IPv4 in, not IPv6", p)
	case p.HostIP.IsValid():
		a.HostAddr = p.HostIP.String()
	}
	return json.Marshal(struct {
		Execute   string    `json:"execute"`
		Arguments arguments `json:"arguments"`
	}{"add_hostfwd", a})
}

// forwardFailed reads the answer: an error, or the number of the forwarding.
func forwardFailed(answer []byte) error {
	var a struct {
		Return *struct{ ID int }
		Error  *struct{ Desc string }
	}
	switch err := json.Unmarshal(answer, &a); {
	case err != nil:
		return fmt.Errorf("no answer that can be read: %w", err)
	case a.Error != nil:
		return fmt.Errorf("slirp4netns says %.200q", a.Error.Desc)
	case a.Return == nil:
		return errors.New("slirp4netns does not say that it did")
	}
	return nil
}

// askAPI sends one request. The socket is there only after the network is.
func askAPI(api string, request []byte) ([]byte, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "api")
	defer f.Close()
	for end := time.Now().Add(readyTime); ; time.Sleep(time.Millisecond) {
		err := unix.Connect(fd, &unix.SockaddrUnix{Name: api})
		if err == nil {
			break
		}
		if time.Now().After(end) || err != unix.ENOENT && err != unix.ECONNREFUSED && err != unix.EINTR {
			return nil, fmt.Errorf("cannot connect to %s: %w", api, err)
		}
	}
	limit := unix.NsecToTimeval(int64(readyTime))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	if _, err := f.Write(request); err != nil {
		return nil, err
	}
	if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, 4<<10))
}
