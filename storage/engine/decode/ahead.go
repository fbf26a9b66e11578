package decode

import (
	"io"
	"sync"
)

// The blocks that wait between the two sides: enough that a file's creation on
// one side does not stop decompression on the other, little beside a cache.
const (
	blockSize = 128 << 10
	blocks    = 8
)

// An Ahead reads a stream in a goroutine of its own, and shows every byte to a
// hash there.
type Ahead struct {
	full, free chan []byte
	stop       chan struct{}
	once       sync.Once
	done       sync.WaitGroup
	err        error // set before full is closed
	rest, now  []byte
}

// NewAhead starts to read in. Close must be called, also after an error, before
// in is closed.
func NewAhead(in io.Reader, sum io.Writer) *Ahead {
	a := &Ahead{full: make(chan []byte, blocks), free: make(chan []byte, blocks), stop: make(chan struct{})}
	for range blocks {
		a.free <- nil
	}
	a.done.Go(func() {
		defer close(a.full)
		a.err = a.fill(in, sum)
	})
	return a
}

func (a *Ahead) fill(in io.Reader, sum io.Writer) error {
	for {
		var b []byte
		select {
		case b = <-a.free:
		case <-a.stop:
			return io.ErrClosedPipe
		}
		if b == nil {
			b = make([]byte, blockSize)
		}
		n, err := fillBlock(in, b[:blockSize])
		if n > 0 {
			_, _ = sum.Write(b[:n]) // a hash never fails
			a.full <- b[:n]         // room for every block
		}
		if err != nil {
			return err
		}
	}
}

// fillBlock is io.ReadFull, but the error is the stream's: a truncated one and
// one whose last block is short must not look alike.
func fillBlock(in io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = in.Read(b[n:])
		n += m
	}
	return n, err
}

// Read implements io.Reader.
func (a *Ahead) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.now != nil {
			a.free <- a.now
			a.now = nil
		}
		b, ok := <-a.full
		if !ok {
			return 0, a.err
		}
		a.now, a.rest = b, b
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close ends the goroutine and waits for it: afterwards nobody reads in or
// writes to the hash.
func (a *Ahead) Close() error {
	a.once.Do(func() {
		close(a.stop)
		a.done.Wait()
	})
	return nil
}
