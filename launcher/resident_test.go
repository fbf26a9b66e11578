package launcher

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// newResident answers for this process, as if it were a container's first.
func newResident(t testing.TB) *resident {
	t.Helper()
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pidfd) })
	s := &supervisor{run: t.TempDir(), pid: os.Getpid(), pidfd: pidfd, req: request{Dir: filepath.Join(t.TempDir(), someID), Data: t.TempDir()}}
	r := &resident{supervisor: s, ended: make(chan struct{})}
	r.next.Store(&ending{done: make(chan struct{})})
	return r
}

// served is a client that is being served; done when it was.
func served(t testing.TB, r *resident) (c conn, done chan struct{}) {
	t.Helper()
	a, b, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	done = make(chan struct{})
	go func() { r.serve(conn{b}); close(done) }()
	return conn{a}, done
}

// answer is what is said to one request.
func answer(t *testing.T, r *resident, k kind, payload string, fds ...int) (kind, string, []int) {
	t.Helper()
	c, done := served(t, r)
	if err := c.send(k, []byte(payload), fds...); err != nil {
		t.Fatal(err)
	}
	got, b, files, err := c.receive()
	if err != nil {
		t.Fatalf("%c %q: %v", k, payload, err)
	}
	c.f.Close()
	<-done
	return got, string(b), files
}

const v1 = string(rune(controlVersion))

func TestServeRefuses(t *testing.T) {
	r := newResident(t)
	ops := string(tape.Append(nil, []tape.Op{{Call: tape.Setsid}}))
	zeros := func(n int) []int { return make([]int, n) }
	for _, tt := range []struct {
		name    string
		kind    kind
		payload string
		fds     []int
		want    string
	}{
		{"no version", msgWait, "", nil, "another version"},
		{"version 0", msgWait, "\x00", nil, "another version"},
		{"a later version", msgWait, "\x02", nil, "another version"},
		{"unknown", 'Z', v1, nil, "damaged request"},
		{"a reply", msgExited, v1, nil, "damaged request"},
		{"a launch", msgLaunch, v1, nil, "damaged request"},
		{"exec of nothing", msgExec, v1, zeros(3), "damaged request"},
		{"exec without descriptors", msgExec, v1 + ops, nil, "damaged request"},
		{"exec with too few", msgExec, v1 + ops, zeros(2), "damaged request"},
		{"exec with too many", msgExec, v1 + ops, zeros(3 + plan.MaxKeep + 1), "damaged request"},
		{"exec with more behind", msgExec, v1 + ops + "x", zeros(3), "damaged request"},
		{"exec cut", msgExec, v1 + ops[:len(ops)-1], zeros(3), "damaged request"},
		{"attach to the caller's output", msgAttach, v1, nil, "start it with -d"},
	} {
		if len(tt.fds) > maxFDs {
			t.Fatal("a message does not carry so many")
		}
		k, payload, _ := answer(t, r, tt.kind, tt.payload, tt.fds...)
		if k != msgFailed || payload[0] != ExitFailed || !strings.Contains(payload, tt.want) {
			t.Errorf("%s: %c %q", tt.name, k, payload)
		}
	}
}

// What is no message at all gets no answer, and leaves no descriptor behind.
func TestServeDamaged(t *testing.T) {
	r := newResident(t)
	before := descriptors(t)
	for name, send := range map[string]func(c conn) error{
		"nothing":         func(conn) error { return nil },
		"half a head":     func(c conn) error { _, err := c.f.WriteString("W\x00"); return err },
		"oversized":       func(c conn) error { _, err := c.f.WriteString("W\x00\x00\x40\x00\x01"); return err },
		"the largest":     func(c conn) error { _, err := c.f.WriteString("W\x00\xff\xff\xff\xff"); return err },
		"half a payload":  func(c conn) error { _, err := c.f.WriteString("W\x00\x00\x00\x00\x09\x01abc"); return err },
		"with them there": func(c conn) error { return sendHalf(c, 3) },
		"descriptors that are not there": func(c conn) error {
			_, err := c.f.WriteString("E\x03\x00\x00\x00\x00")
			return err
		},
		"more than a message may carry": func(c conn) error { return sendRights(c, "E\x41\x00\x00\x00\x00", maxFDs+1) },
		"one that was not announced":    func(c conn) error { return sendRights(c, "W\x00\x00\x00\x00\x01", 1) },
	} {
		c, done := served(t, r)
		if err := send(c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = unix.Shutdown(int(c.f.Fd()), unix.SHUT_WR)
		if k, payload, _, err := c.receive(); err == nil {
			t.Errorf("%s: %c %q", name, k, payload)
		}
		c.f.Close()
		<-done
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors instead of %d", after, before)
	}
}

func sendRights(c conn, head string, n int) error {
	return unix.Sendmsg(int(c.f.Fd()), []byte(head), unix.UnixRights(make([]int, n)...), nil, 0)
}

// sendHalf announces more than it sends.
func sendHalf(c conn, n int) error {
	return sendRights(c, "E\x03\x00\x00\x00\x09\x01ab", n)
}

func descriptors(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestServeWait(t *testing.T) {
	r := newResident(t)
	impatient, gone := served(t, r)
	patient, done := served(t, r)
	for _, c := range []conn{impatient, patient} {
		if err := c.send(msgWait, []byte(v1)); err != nil {
			t.Fatal(err)
		}
	}
	impatient.f.Close()
	<-gone // and not only when the container ends
	r.end(42)
	if k, payload, _, err := patient.receive(); err != nil || k != msgExited || string(payload) != "\x2a" {
		t.Errorf("%c %q %v", k, payload, err)
	}
	<-done
	if k, payload, _ := answer(t, r, msgWait, v1); k != msgExited || payload != "\x2a" {
		t.Errorf("after the end: %c %q", k, payload)
	}
	ops := string(tape.Append(nil, []tape.Op{{Call: tape.Setsid}}))
	if k, payload, _ := answer(t, r, msgExec, v1+ops, 0, 1, 2); k != msgFailed || !strings.Contains(payload, "stopping") {
		t.Errorf("exec after the end: %c %q", k, payload)
	}
}

// A file is opened beneath the container's root, and only if it is one.
func TestServeOpen(t *testing.T) {
	r := newResident(t)
	dir := t.TempDir()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600))
	check(os.Symlink(filepath.Join(dir, "file"), filepath.Join(dir, "absolute")))
	check(os.Symlink("../../../../../../../../../.."+dir+"/file", filepath.Join(dir, "dots")))
	check(os.Symlink("loop", filepath.Join(dir, "loop")))
	check(unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	for name, want := range map[string]kind{
		dir + "/file": msgOpened, strings.TrimPrefix(dir, "/") + "/file": msgOpened, dir + "/absolute": msgOpened, dir + "/dots": msgOpened,
		dir + "/none": msgNone, dir + "/file/below": msgNone, dir: msgFailed, dir + "/fifo": msgFailed, dir + "/loop": msgFailed,
		"dev/null": msgFailed, "proc/self/fd/0": msgFailed, "": msgNone, "a\x00b": msgFailed, strings.Repeat("x", 300): msgFailed,
	} {
		k, payload, fds := answer(t, r, msgOpen, v1+name)
		if k != want || (len(fds) == 1) != (want == msgOpened) {
			t.Errorf("%q: %c %q %v, want %c", name, k, payload, fds, want)
		}
		for _, fd := range fds {
			f := os.NewFile(uintptr(fd), name)
			if b, err := io.ReadAll(f); string(b) != "text" || err != nil {
				t.Errorf("%q: %q, %v", name, b, err)
			}
			if _, err := f.WriteString("x"); err == nil {
				t.Errorf("%q can be written to", name)
			}
			f.Close()
		}
	}
	r.pid = 1 << 30
	if k, payload, _ := answer(t, r, msgOpen, v1+dir+"/file"); k != msgFailed || !strings.Contains(payload, "root") {
		t.Errorf("of nobody: %c %q", k, payload)
	}
}

// reside and end make and remove the socket; who cannot listen serves nobody.
func TestReside(t *testing.T) {
	s := newResident(t).supervisor
	r := s.reside()
	c, err := dial(s.run, someID)
	if err != nil {
		t.Fatal(err)
	}
	defer c.f.Close()
	if err := c.send(msgWait, []byte(v1)); err != nil {
		t.Fatal(err)
	}
	view := &insideView{run: s.run, id: someID}
	if b, err := view.ReadFile("proc/self/comm", 100); err != nil || len(b) == 0 { // whoever came before is served
		t.Errorf("%q, %v", b, err)
	}
	if _, err := view.ReadFile("proc/self/status", 10); err == nil || !strings.Contains(err.Error(), "larger than 10 bytes") {
		t.Errorf("too large: %v", err)
	}
	if _, err := view.ReadFile("nowhere", 10); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	if _, err := view.ReadFile("proc", 10); err == nil || !strings.Contains(err.Error(), "invalid argument") {
		t.Errorf("a directory: %v", err)
	}
	r.end(3)
	if k, payload, _, err := c.receive(); err != nil || k != msgExited || string(payload) != "\x03" {
		t.Errorf("%c %q %v", k, payload, err)
	}
	if names := controlNames(t, s.run); len(names) != 0 {
		t.Errorf("left: %q", names)
	}
	s.run = "/nowhere"
	s.reside().end(0)
}

// FuzzServe sends anything. What a client may have executed is not executed here.
func FuzzServe(f *testing.F) {
	for _, k := range []kind{msgExec, msgAttach, msgWait, msgOpen, msgPorts, msgInput, msgResize, msgLaunch} {
		f.Add(byte(k), []byte("\x01x"), 0, uint32(2))
	}
	f.Add(byte(msgExec), []byte("\x01\xff\xff"), 3, uint32(3))
	f.Add(byte(msgWait), []byte("\x02"), 64, uint32(1<<30))
	r := newResident(f)
	r.pid = 1 << 30 // nobody's root is opened
	f.Fuzz(func(t *testing.T, k byte, payload []byte, fds int, size uint32) {
		if fds < 0 || fds > maxFDs || kind(k) == msgExec && len(payload) > 0 && payload[0] == controlVersion && decodes(payload[1:]) {
			return
		}
		before := descriptors(t)
		c, done := served(t, r)
		head := binary.BigEndian.AppendUint32([]byte{k, byte(fds)}, size)
		if err := sendRights(c, string(append(head, payload...)), fds); err != nil {
			return
		}
		_ = unix.Shutdown(int(c.f.Fd()), unix.SHUT_WR)
		for {
			k, payload, files, err := c.receive()
			closeAll(files)
			if err != nil {
				break
			}
			if k == msgFailed && len(payload) < 2 {
				t.Errorf("failed without a reason: %q", payload)
			}
		}
		c.f.Close()
		<-done
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors instead of %d", after, before)
		}
	})
}

func decodes(b []byte) bool {
	_, _, err := tape.Decode(b)
	return err == nil
}
