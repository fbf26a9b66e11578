package launcher

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// What a client sends before the container's pipes are served reaches it, whole and
// in order.
func TestInputBeforeStart(t *testing.T) {
	r, in, out, errw := detached(t, nil)
	c, _ := attachedTo(t, r)
	want := strings.Repeat("0123456789abcdef", 20_000) // more than pipe and socket hold
	sent := make(chan error, 1)
	go func() {
		for rest := want; rest != ""; {
			n := min(len(rest), 5000)
			if err := c.send(msgInput, []byte(rest[:n])); err != nil {
				sent <- err
				return
			}
			rest = rest[n:]
		}
		sent <- c.send(msgInput, nil)
	}()
	time.Sleep(20 * time.Millisecond) // for the first of it to arrive
	r.output.Load().start(-1)
	got, err := io.ReadAll(in)
	if err != nil || string(got) != want {
		t.Errorf("%d bytes instead of %d, %v", len(got), len(want), err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	out.Close()
	errw.Close()
	go func() { r.output.Load().finish(); r.end(0) }()
	if _, _, status := heard(t, c); status != 0 {
		t.Error(status)
	}
}

// A container that was never given input does not keep its clients.
func TestInputNever(t *testing.T) {
	var i input
	done := make(chan struct{})
	go func() { i.take(msgInput, []byte("x")); i.take(msgInput, nil); close(done) }()
	time.Sleep(5 * time.Millisecond)
	i.give(nil, false)
	<-done
}

// Who writes to a pipe that nobody reads is freed when the container ends, and what
// comes then is for its next run.
func TestInputOfNextRun(t *testing.T) {
	var i input
	first, firstIn := nonblockingPipe(t)
	i.give(firstIn, false)
	stuck := make(chan struct{})
	go func() { i.take(msgInput, bytes.Repeat([]byte("x"), 1<<20)); close(stuck) }()
	if _, err := io.ReadFull(first, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	i.drop()
	<-stuck
	taken := make(chan struct{})
	go func() { i.take(msgInput, []byte("next")); close(taken) }()
	time.Sleep(5 * time.Millisecond)
	second, secondIn := nonblockingPipe(t)
	i.give(secondIn, false)
	<-taken
	b := make([]byte, 10)
	if n, err := second.Read(b); err != nil || string(b[:n]) != "next" {
		t.Errorf("%q, %v", b[:n], err)
	}
	i.end()
	if n, err := second.Read(b); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	i.take(msgInput, []byte("late")) // goes nowhere
}

func nonblockingPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}
