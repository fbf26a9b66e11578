package launcher

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// detached is a container with our ends of its pipes: what it reads and writes.
func detached(t *testing.T, log sink) (r *resident, in, out, errw *os.File) {
	t.Helper()
	o := &output{log: log, attached: make(map[*client]bool)}
	pipe := func() (a, b *os.File) {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		a, b = os.NewFile(uintptr(p[0]), "r"), os.NewFile(uintptr(p[1]), "w")
		t.Cleanup(func() { a.Close(); b.Close() })
		return a, b
	}
	in, o.ends[0] = pipe()
	o.ends[1], out = pipe()
	o.ends[2], errw = pipe()
	r = newResident(t)
	r.output.Store(o)
	return r, in, out, errw
}

// attachedTo is a client that has heard that it is attached.
func attachedTo(t *testing.T, r *resident) (c conn, done chan struct{}) {
	t.Helper()
	c, done = served(t, r)
	if err := c.send(msgAttach, []byte(v1)); err != nil {
		t.Fatal(err)
	}
	k, payload, fds, err := c.receive()
	closeAll(fds)
	if err != nil || k != msgStarted || len(payload) != 4 || len(fds) != 1 {
		t.Fatalf("%c %q %v %v", k, payload, fds, err)
	}
	return c, done
}

// heard collects what a client is sent, by stream, until the container ends.
func heard(t *testing.T, c conn) (out, errs string, status int) {
	var b [3]bytes.Buffer
	for {
		k, payload, _, err := c.receive()
		switch {
		case err != nil:
			t.Errorf("%v", err)
			return "", "", -1
		case k == msgOutput && len(payload) > 1 && payload[0] <= streamErr:
			b[payload[0]].Write(payload[1:])
		case k == msgExited && len(payload) == 1:
			return b[streamOut].String(), b[streamErr].String(), int(payload[0])
		default:
			t.Errorf("%c %q", k, payload)
		}
	}
}

// Every client hears all from when it came, in whole messages, however both
// streams are written to at once; so does the log.
func TestOutputToSeveral(t *testing.T) {
	log := newLog(t, logConfig{Driver: "k8s-file"})
	r, _, out, errw := detached(t, log)
	o := r.output.Load()
	o.start(-1)
	a, _ := attachedTo(t, r)
	b, _ := attachedTo(t, r)
	var want [2]strings.Builder
	for i := range 3000 {
		want[0].WriteString("out " + strconv.Itoa(i) + "\n")
		want[1].WriteString("err " + strings.Repeat(strconv.Itoa(i), 20) + "\n")
	}
	for i, w := range []*os.File{out, errw} {
		go func() {
			for rest := want[i].String(); rest != ""; {
				n := min(len(rest), 777)
				if _, err := w.WriteString(rest[:n]); err != nil {
					t.Error(err)
				}
				rest = rest[n:]
			}
			w.Close()
		}()
	}
	go func() { o.finish(); r.end(7) }()
	var all sync.WaitGroup
	for _, c := range []conn{a, b} {
		all.Go(func() {
			gotOut, gotErr, status := heard(t, c)
			if gotOut != want[0].String() || gotErr != want[1].String() || status != 7 {
				t.Errorf("%d and %d bytes instead of %d and %d, status %d", len(gotOut), len(gotErr), want[0].Len(), want[1].Len(), status)
			}
		})
	}
	all.Wait()
	if gotOut, gotErr := readLog(t, log.path, Logs{Tail: -1}, false); gotOut != want[0].String() || gotErr != want[1].String() {
		t.Errorf("log: %d and %d bytes", len(gotOut), len(gotErr))
	}
}

// A client that goes away, between messages or in the middle of one, is no harm to
// the container, nor to others.
// Another run is told of to who is attached, but not to the caller, who hears of it
// in another way.
func TestOutputAgain(t *testing.T) {
	r, _, _, _ := detached(t, nil)
	c, _ := attachedTo(t, r)
	a, b, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	caller := &client{conn: conn{a}}
	o := r.output.Load()
	o.join(caller)
	o.again(4711, caller)
	k, payload, fds, err := c.receive()
	closeAll(fds)
	if err != nil || k != msgStarted || string(payload) != string(be32(4711)) {
		t.Errorf("%c %q %v", k, payload, err)
	}
	var one [1]byte
	if n, _, err := unix.Recvfrom(int(b.Fd()), one[:], unix.MSG_DONTWAIT); err != unix.EAGAIN {
		t.Errorf("the caller was told: %d, %v", n, err)
	}
	r.end(0)
	_, _, _ = heard(t, c)
}

func TestOutputClientLeaves(t *testing.T) {
	r, _, out, errw := detached(t, nil)
	o := r.output.Load()
	o.start(-1)
	leaver, left := attachedTo(t, r)
	stays, _ := attachedTo(t, r)
	leaver.f.Close()
	<-left
	slow, slowLeft := attachedTo(t, r)
	go func() {
		_, _ = slow.fill(make([]byte, 3)) // half a head, then no more
		slow.f.Close()
	}()
	text := strings.Repeat("0123456789", 100_000)
	go func() {
		_, _ = out.WriteString(text)
		out.Close()
		errw.Close()
	}()
	go func() { o.pumps.Wait(); r.end(0) }()
	if got, _, status := heard(t, stays); got != text || status != 0 {
		t.Errorf("%d bytes, status %d", len(got), status)
	}
	<-slowLeft
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.attached) > 1 {
		t.Errorf("%d are attached", len(o.attached))
	}
}

func TestOutputInput(t *testing.T) {
	r, in, _, _ := detached(t, nil)
	r.output.Load().start(-1)
	a, _ := attachedTo(t, r)
	b, _ := attachedTo(t, r)
	read := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	for i, c := range []conn{a, b, a} {
		if err := c.send(msgInput, []byte("line "+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
		read("line " + strconv.Itoa(i))
	}
	// What makes no sense is nothing, a size without a terminal too.
	for _, m := range []struct {
		k kind
		p string
	}{{msgResize, "\x00\x01\x00\x02"}, {msgResize, ""}, {'?', "x"}} {
		if err := a.send(m.k, []byte(m.p)); err != nil {
			t.Fatal(err)
		}
	}
	_ = a.send(msgInput, []byte("still"))
	read("still")
	// The end of one's input is the end of the container's, as docker has it.
	if err := b.send(msgInput, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := in.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	_ = a.send(msgInput, []byte("late"))
	if err := a.send(msgInput, nil); err != nil {
		t.Fatal(err)
	}
}

// openTerminal is a pair of ends of a new terminal.
func openTerminal(t *testing.T) (master int, slave *os.File) {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	slave = os.NewFile(uintptr(fd), "slave")
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func TestOutputTerminal(t *testing.T) {
	r, _, _, _ := detached(t, nil)
	o := r.output.Load()
	master, slave := openTerminal(t)
	o.start(master)
	c, _ := attachedTo(t, r)
	if err := c.send(msgResize, []byte{0, 33, 1, 44}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, {1}, {0, 1, 0, 1, 9}} {
		if err := c.send(msgResize, bad); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.send(msgInput, []byte("typed\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.send(msgInput, nil); err != nil { // a terminal stays open
		t.Fatal(err)
	}
	got := make([]byte, 100)
	if n, err := slave.Read(got); err != nil || string(got[:n]) != "typed\n" {
		t.Errorf("%q, %v", got[:n], err)
	}
	if ws, err := unix.IoctlGetWinsize(int(slave.Fd()), unix.TIOCGWINSZ); err != nil || ws.Row != 33 || ws.Col != 256+44 {
		t.Errorf("%+v, %v", ws, err)
	}
	if _, err := slave.WriteString("shown"); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go func() { o.finish(); r.end(1) }()
	if out, errs, status := heard(t, c); out != "typed\r\nshown" || errs != "" || status != 1 {
		t.Errorf("%q %q %d", out, errs, status)
	}
}

// A process that keeps the pipe open does not keep the supervisor.
func TestOutputFinish(t *testing.T) {
	log := newLog(t, logConfig{Driver: "k8s-file"})
	r, _, out, _ := detached(t, log)
	o := r.output.Load()
	o.start(-1)
	done := make(chan struct{})
	go func() { o.finish(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * outputWait):
		t.Fatal("it waits for ever")
	}
	if _, err := out.WriteString("late\n"); err != nil {
		t.Error(err)
	}
	if got := content(t, log.path); got != "" {
		t.Errorf("after the end: %q", got)
	}
}
