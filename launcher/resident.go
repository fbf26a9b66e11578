package launcher

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// resident is the supervisor while its container runs: it answers clients on
// the control socket. Each client sends one request; what follows depends on it.
type resident struct {
	*supervisor
	listener *os.File
	// ended is closed when the container has ended, with status set.
	ended  chan struct{}
	status int
	// sessions are the processes that clients have started.
	sessions sync.WaitGroup
	// enters, when not nil, are the flags of the namespaces that sessions enter,
	// instead of all.
	enters *uintptr
	// next is the end of the present run, or of the one to come.
	next atomic.Pointer[ending]
	// health is nil when there is nothing to check.
	health *monitor
}

// ending is the end of a run of the container, for those who wait for it.
type ending struct {
	done   chan struct{}
	status int
}

// tell tells those who wait for the end of this run.
func (r *resident) tell(status int) {
	if e := r.next.Swap(&ending{done: make(chan struct{})}); e != nil {
		e.status = status
		close(e.done)
	}
}

// reside starts to answer. A supervisor that cannot is no reason to end the
// container: its clients are told that nobody answers.
func (s *supervisor) reside() *resident {
	r := &resident{supervisor: s, ended: make(chan struct{})}
	r.next.Store(&ending{done: make(chan struct{})})
	if s.req.Health != nil {
		r.health = newMonitor(r)
		r.health.begin(s.started) // before anybody can ask for a check
	}
	var err error
	if r.listener, err = listen(s.run, filepath.Base(s.req.Dir)); err != nil {
		return r
	}
	go func() {
		for {
			client := accept(r.listener)
			if client == nil {
				return
			}
			go r.serve(conn{client})
		}
	}()
	return r
}

// end tells everybody that the container has ended, and lets them hear it.
func (r *resident) end(status int) {
	r.status = status
	close(r.ended)
	r.tell(status)
	if r.listener != nil {
		unlisten(r.run, filepath.Base(r.req.Dir))
		r.listener.Close()
	}
	sweepControl(r.run, storage.Containers{Data: r.req.Data})
	r.usernets().Sweep()
	r.sessions.Wait()
}

// serve answers one client.
func (r *resident) serve(c conn) {
	defer c.f.Close()
	k, payload, fds, err := c.receiveAtMost(maxRequest)
	if err != nil {
		return
	}
	defer func() { closeAll(fds) }()
	if len(payload) == 0 || payload[0] != controlVersion {
		_ = c.send(msgFailed, append([]byte{ExitFailed}, "the container was started by another version of coracle\n  fix: restart it"...))
		return
	}
	payload = payload[1:]
	switch k {
	case msgExec:
		err, fds = r.exec(c, payload, fds), nil
	case msgAttach:
		err = r.attach(c, payload)
	case msgWait:
		next := r.next.Load()
		select {
		case <-c.gone(func(kind, []byte) {}): // or each one that gives up would stay until the end
		case <-next.done:
			_ = c.send(msgExited, []byte{byte(next.status)})
		case <-r.ended:
			_ = c.send(msgExited, []byte{byte(r.status)})
		}
	case msgOpen:
		err = r.inside(func() error { return r.open(c, string(payload)) })
	case msgHealth:
		err = r.checkNow(c)
	case msgConnect:
		err = r.inside(func() error { return r.plugIn(c, payload) })
	case msgDisconnect:
		err = r.inside(func() error { return r.plugOut(c, string(payload)) })
	case msgPorts:
		err = r.changePorts(c, payload)
	default:
		err = errRequest
	}
	if err != nil {
		_ = c.send(msgFailed, failureOf(err))
	}
}

// open hands out a regular file of the container, read-only: found beneath its
// root, by the container's own links, as it is now.
func (r *resident) open(c conn, name string) error {
	root, err := unix.Open("/proc/"+strconv.Itoa(r.pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "the container's root", Err: err}
	}
	defer unix.Close(root)
	// A FIFO would wait for a writer, and a device act, before it is known as one.
	fd, err := unix.Openat2(root, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return c.send(msgNone, nil)
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return &os.PathError{Op: "open", Path: name, Err: unix.EINVAL}
	}
	file, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(file)
	return c.send(msgOpened, nil, file)
}

func be32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
