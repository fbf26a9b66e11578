// Package holder keeps files open on behalf of others. The files are locks on
// containers that are mounted in the shell of `coracle unshare`: they must last
// as long as the mounts, which the mount command does not. The process that
// started the shell holds them; when it ends, however that comes, so do the
// locks. Start from [Serve], [Hold] and [Drop].
package holder

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxFiles is how many files go with one request, maxRequest its length.
const (
	maxFiles   = 4
	maxRequest = 256
)

var errAnswer = errors.New("the coracle unshare that made this shell did not answer")

// Server holds files, by the name that they were given.
type Server struct {
	path string
	fd   int
	uid  uint32
	mu   sync.Mutex
	held map[string][]int
}

// Serve listens at path, an address that nobody else may reach, and answers
// until [Server.Close].
func Serve(path string) (*Server, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a socket: %w", err)
	}
	_ = unix.Unlink(path) // of a process of the same number, long ago
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.Listen(fd, 64)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot listen at %s: %w", path, err)
	}
	s := &Server{path: path, fd: fd, uid: uint32(os.Geteuid()), held: make(map[string][]int)}
	go s.accept()
	return s, nil
}

// Close stops listening. Its files are closed with the process.
func (s *Server) Close() {
	_ = unix.Unlink(s.path)
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // which ends accept
}

func (s *Server) accept() {
	for {
		conn, _, err := unix.Accept4(s.fd, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return
		}
		_ = unix.SetsockoptTimeval(conn, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2})
		s.answer(conn)
		unix.Close(conn)
	}
}

// answer takes one request: "hold NAME" with files, or "drop NAME".
func (s *Server) answer(conn int) {
	peer, err := unix.GetsockoptUcred(conn, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || peer.Uid != s.uid {
		return
	}
	b, oob := make([]byte, maxRequest), make([]byte, unix.CmsgSpace(4*maxFiles))
	var n, oobn int
	// With a time limit set, a signal ends the call (signal(7)), and the Go runtime
	// sends itself some.
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		n, oobn, _, _, err = unix.Recvmsg(conn, b, oob, unix.MSG_CMSG_CLOEXEC)
	}
	if err != nil {
		return
	}
	files := rights(oob[:oobn])
	verb, name, _ := strings.Cut(string(b[:n]), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch verb {
	case "hold":
		s.held[name] = append(s.held[name], files...)
	case "drop":
		closeAll(s.held[name])
		delete(s.held, name)
		closeAll(files)
	default:
		closeAll(files)
		return
	}
	_ = unix.Sendto(conn, []byte("ok"), unix.MSG_NOSIGNAL, nil)
}

func rights(oob []byte) (fds []int) {
	messages, _ := unix.ParseSocketControlMessage(oob)
	for _, m := range messages {
		got, _ := unix.ParseUnixRights(&m)
		fds = append(fds, got...)
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// Hold has the server at path keep copies of open files under a name.
func Hold(path, name string, files ...*os.File) error {
	var fds []int
	for _, f := range files {
		if f != nil {
			fds = append(fds, int(f.Fd()))
		}
	}
	return ask(path, "hold "+name, fds)
}

// Drop has it close what it keeps under that name.
func Drop(path, name string) error { return ask(path, "drop "+name, nil) }

func ask(path, request string, fds []int) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot make a socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, err)
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(fd, []byte(request), oob, nil, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, err)
	}
	b := make([]byte, 8)
	if n, err := unix.Read(fd, b); err != nil || string(b[:max(n, 0)]) != "ok" {
		return errors.Join(errAnswer, err)
	}
	return nil
}
