package events

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"syscall"
)

// tail is a file and how far it was read.
type tail struct {
	f    *os.File
	info os.FileInfo
	at   int64
	// skip says that what comes up to the next newline belongs to a line that is too
	// long.
	skip bool
}

// or gives the tail of the same file that has been read before, if it is one of those.
func (t *tail) or(old ...*tail) *tail {
	for _, o := range old {
		if t != nil && o != nil && os.SameFile(t.info, o.info) {
			t.f.Close()
			return o
		}
	}
	return t
}

// unlessRemoved closes the file if it has no name any more. Nobody writes to it
// then; what was written just before is given.
func (t *tail) unlessRemoved(each func([]byte) error) (*tail, error) {
	if t == nil {
		return nil, nil
	}
	if fi, err := t.f.Stat(); err == nil {
		if st, ok := fi.Sys().(*syscall.Stat_t); !ok || st.Nlink > 0 {
			return t, nil
		}
	}
	defer t.f.Close()
	return nil, t.read(each)
}

// read gives each line up to the last newline.
func (t *tail) read(each func([]byte) error) error {
	if t == nil {
		return nil
	}
	if fi, err := t.f.Stat(); err == nil && fi.Size() < t.at {
		t.at, t.skip = 0, false // somebody emptied it
	}
	b := make([]byte, 0, 2*MaxLine)
	for {
		n, err := t.f.ReadAt(b[len(b):cap(b)], t.at+int64(len(b)))
		b = b[:len(b)+n]
		if err != nil && err != io.EOF {
			return fmt.Errorf("cannot read the events: %w", err)
		}
		given := 0
		for {
			i := bytes.IndexByte(b[given:], '\n')
			if i < 0 {
				break
			}
			if !t.skip {
				if err := each(b[given : given+i]); err != nil {
					return err
				}
			}
			given, t.skip = given+i+1, false
		}
		if given == 0 && len(b) == cap(b) { // no event is that long
			given, t.skip = len(b), true
		}
		t.at += int64(given)
		b = b[:copy(b, b[given:])]
		if n == 0 {
			return nil
		}
	}
}
