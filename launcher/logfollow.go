package launcher

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"coracle/launcher/containers"
)

// follow copies what is added until the container has ended.
func (r *logReader) follow(ctx context.Context, w *watcher, f *os.File, x *containers.Container, flush func() error) error {
	defer func() { f.Close() }() // nil is no harm
	ended := false
	for {
		if f == nil {
			f, _ = os.Open(r.path)
		}
		more := false
		if f != nil {
			before, _ := f.Seek(0, io.SeekCurrent)
			next, err := r.advance(f, w.renamed || ended)
			if err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
			if next != nil {
				f.Close()
				f = next
				continue // w.renamed stays: there may be yet another
			}
			at, _ := f.Seek(0, io.SeekCurrent)
			more = at != before
		}
		w.renamed = false
		switch {
		case more: // and there may be more again
		case ended || !r.Until.IsZero() && time.Now().After(r.Until):
			return nil
		default:
			alive, err := x.Alive()
			if err != nil {
				return err
			}
			if ended = !alive; ended {
				continue // the last look
			}
		}
		if ended {
			continue
		}
		if err := w.wait(ctx, x); err != nil {
			return err
		}
	}
}

// advance copies a file to its end and returns the one to go on with, nil for the
// same. look says that there may be one.
func (r *logReader) advance(f *os.File, look bool) (next *os.File, err error) {
	if err := r.copy(f); err != nil {
		return nil, err
	}
	if look {
		next = r.next(f)
	}
	if next != nil {
		// It is written to no more: this was the last that was.
		if err := r.copy(f); err != nil {
			next.Close()
			return nil, err
		}
		return next, nil
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read the log: %w", err)
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err == nil && at > fi.Size() { // somebody emptied it
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			err = r.copy(f)
		}
	}
	return nil, err
}

// nextTries is how often to look for a file again that is being renamed.
const nextTries = 20

// next opens the file that was begun when f was done with, nil while f is the one
// being written.
func (r *logReader) next(f *os.File) *os.File {
	for range nextTries {
		at, oldest := r.age(f)
		if at == 0 || at < 0 && oldest < 0 {
			return nil
		}
		want := at - 1
		if at < 0 {
			want = oldest // f was deleted, those after it perhaps, too
		}
		if next, err := os.Open(r.name(want)); err == nil {
			if now, _ := r.age(f); now == at && !sameOpen(f, next) {
				return next
			}
			next.Close()
		}
		time.Sleep(time.Millisecond) // it is being rotated just now
	}
	return nil
}

// age tells which of the log's files f is, 0 the one being written, -1 none any
// more, and which one is the oldest. Files only grow older: one that moves
// meanwhile is found later.
func (r *logReader) age(f *os.File) (at, oldest int) {
	at, oldest = -1, -1
	open, err := f.Stat()
	if err != nil {
		return 0, 0
	}
	missing := 0
	for i := 0; missing < 2; i++ {
		named, err := os.Stat(r.name(i))
		if err != nil {
			missing++
			continue
		}
		missing, oldest = 0, i
		if os.SameFile(open, named) {
			at = i
		}
	}
	return at, oldest
}
