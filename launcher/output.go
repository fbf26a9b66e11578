package launcher

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/events"
)

// errEnding says that a container is ending.
var errEnding = errors.New("the container is stopping")

// Streams of a container, as msgOutput numbers them.
const (
	streamOut = 1
	streamErr = 2
)

// sink keeps what a container writes. A piece of a stream is whatever was read at
// once.
type sink interface {
	write(stream byte, piece []byte)
	close()
}

// output takes what a container without a caller writes, for its log and for
// whoever is attached.
type output struct {
	log sink // nil: none is kept

	mu       sync.Mutex
	attached map[*client]bool

	input input
	ends  [3]*os.File // our ends of the pipes
	pumps *sync.WaitGroup
}

// client is somebody who is attached. Both streams' pumps send to it, and a
// message is more than one write: it takes one at a time.
type client struct {
	conn
	mu sync.Mutex
	// left says that the connection is about to be closed: its number may soon be
	// another client's.
	left bool
}

func (c *client) say(k kind, payload []byte, fds ...int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return errClosed
	}
	return c.send(k, payload, fds...)
}

// leave returns when nobody sends any more, nor will; who waits for the client to
// read is freed.
func (c *client) leave() {
	_ = unix.Shutdown(int(c.f.Fd()), unix.SHUT_RDWR)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
}

// redirect makes this process's standard descriptors, which the container will
// inherit, pipes to output. interactive keeps an end of its standard input.
func (o *output) redirect(interactive bool) error {
	for fd := range 3 {
		if fd == 0 && !interactive {
			continue // it has /dev/null
		}
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			return fmt.Errorf("cannot make a pipe: %w", err)
		}
		theirs, ours := p[1], p[0]
		if fd == 0 {
			theirs, ours = p[0], p[1]
		}
		if err := unix.Dup3(theirs, fd, 0); err != nil {
			return fmt.Errorf("cannot replace descriptor %d: %w", fd, err)
		}
		unix.Close(theirs)
		_ = unix.SetNonblock(ours, true) // to wait in the poller, not in a thread
		o.ends[fd] = os.NewFile(uintptr(ours), "output")
	}
	return nil
}

// start begins to copy. tty is the master of the container's terminal, or -1.
func (o *output) start(tty int) {
	if tty >= 0 {
		for _, f := range o.ends {
			if f != nil {
				f.Close()
			}
		}
		_ = unix.SetNonblock(tty, true)
		master := os.NewFile(uintptr(tty), "terminal")
		o.input.give(master, true)
		o.pumps = new(sync.WaitGroup)
		o.pumps.Add(1)
		go o.pump(o.pumps, master, streamOut)
		return
	}
	o.input.give(o.ends[0], false)
	o.pumps = new(sync.WaitGroup)
	o.pumps.Add(2)
	go o.pump(o.pumps, o.ends[1], streamOut)
	go o.pump(o.pumps, o.ends[2], streamErr)
}

// outputWait bounds how long the last output of a container that has ended is
// waited for: a process in a shared pid namespace may hold the pipe for ever.
const outputWait = time.Second

// drain takes what was written last in one run of the container.
func (o *output) drain() {
	if o.pumps == nil {
		return
	}
	done, pumps := make(chan struct{}), o.pumps
	go func() { pumps.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(outputWait):
	}
	o.pumps = nil
	o.input.drop()
}

// finish takes what was written last.
func (o *output) finish() {
	o.drain()
	o.input.give(nil, false) // there will be none
	if o.log != nil {
		o.log.close()
	}
}

// pump copies one stream until its end.
func (o *output) pump(pumps *sync.WaitGroup, from *os.File, stream byte) {
	defer pumps.Done()
	defer from.Close()
	b := make([]byte, 1+64<<10)
	b[0] = stream
	for {
		n, err := from.Read(b[1:])
		if n > 0 {
			o.write(b[:1+n])
		}
		// A terminal whose other end is closed fails with EIO.
		if err != nil || n == 0 {
			return
		}
	}
}

// write gives a piece, with its stream's number in front, to everybody. A client
// that does not read holds the container up, as the terminal it stands for would.
func (o *output) write(piece []byte) {
	if o.log != nil {
		o.log.write(piece[0], piece[1:])
	}
	o.mu.Lock()
	var clients []*client
	for c := range o.attached {
		clients = append(clients, c)
	}
	o.mu.Unlock()
	for _, c := range clients {
		if c.say(msgOutput, piece) != nil {
			o.detach(c)
		}
	}
}

// join makes the caller a client: it sees all output if this comes before start.
func (o *output) join(c *client) {
	o.mu.Lock()
	o.attached[c] = true
	o.mu.Unlock()
	go func() {
		<-c.gone(func(kind, []byte) {})
		o.detach(c)
	}()
}

// again tells those who are attached of another run, which has another terminal.
// Nobody waits for those who do not read.
func (o *output) again(pid int, caller *client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.attached {
		if c != caller {
			go func() { _ = c.say(msgStarted, be32(pid)) }()
		}
	}
}

func (o *output) detach(c *client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.attached, c)
}

// attach serves a client that wants to see the container's output, and to give
// it input.
func (r *resident) attach(c conn, _ []byte) error {
	o := r.output.Load()
	if o == nil {
		return errors.New("the container's output goes to the program that started it\n  fix: start it with -d to attach to it")
	}
	x := &client{conn: c}
	x.mu.Lock() // this comes before any output
	o.mu.Lock()
	o.attached[x] = true
	o.mu.Unlock()
	err := r.inside(func() error { return x.send(msgStarted, be32(r.pid), r.pidfd) })
	if errors.Is(err, errRestarting) {
		err = x.send(msgStarted, be32(0)) // it stays, and sees the next run
	}
	x.mu.Unlock()
	defer x.leave()
	defer o.detach(x)
	if err != nil {
		return nil //nolint:nilerr // it is gone
	}
	r.event(events.Attach, nil)
	gone := c.gone(o.input.take)
	select {
	case <-gone:
	case <-r.ended:
		_ = x.say(msgExited, []byte{byte(r.status)})
		_ = unix.Shutdown(int(c.f.Fd()), unix.SHUT_RD)
		<-gone
	}
	return nil
}

// gone is closed when the client is gone. What it sends until then is taken.
func (c conn) gone(take func(kind, []byte)) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			k, payload, fds, err := c.receiveAtMost(maxRequest)
			closeAll(fds)
			if err != nil {
				return
			}
			take(k, payload)
		}
	}()
	return gone
}
