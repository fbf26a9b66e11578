package events

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Query says which events are wanted.
type Query struct {
	// Since and Until bound the time; zero is no bound.
	Since, Until time.Time
	// Stream goes on with what happens, until Until. Without Since and Until, nothing
	// that has happened before is wanted then.
	Stream bool
	// Filter chooses; nil is all.
	Filter Filter
}

// Read gives the events of the user whose data directory is data to each, in the
// order in which they were written. It ends when there are no more or, with
// Stream, with the context, at Until, or by an error of each.
func Read(ctx context.Context, data string, q Query, each func(*Event) error) error {
	dir := Dir(data)
	var w *watcher
	if q.Stream && (q.Until.IsZero() || time.Now().Before(q.Until)) {
		var err error
		if w, err = watch(ctx, dir, q.Until); err != nil { // before the first read
			return err
		}
		defer w.close()
	}
	r := &reader{dir: dir}
	defer r.close()
	if err := r.open(); err != nil {
		return err
	}
	if q.Stream && q.Since.IsZero() && q.Until.IsZero() {
		r.toEnd()
	}
	give := func(line []byte) error {
		e, err := parse(line)
		if err != nil || e.Time.Before(q.Since) || !q.Until.IsZero() && e.Time.After(q.Until) || q.Filter != nil && !q.Filter(&e) {
			return nil //nolint:nilerr // what is no event is skipped
		}
		return each(&e)
	}
	for {
		if err := r.read(give); err != nil || w == nil {
			return err
		}
		if more, err := w.wait(); err != nil || !more {
			return errors.Join(err, r.read(give))
		}
	}
}

// reader reads the two files. Who found one open before it was put aside still
// writes to it: it is read as long as it is there.
type reader struct {
	dir           string
	before, after *tail // log.1 and log, nil when they are not there
}

// open opens both, the older one second: it may become the other meanwhile.
func (r *reader) open() (err error) {
	for {
		if r.after, err = openTail(filepath.Join(r.dir, current)); err != nil {
			return err
		}
		if r.before, err = openTail(filepath.Join(r.dir, previous)); err != nil {
			return err
		}
		if r.after == nil || r.before == nil || !os.SameFile(r.after.info, r.before.info) {
			return nil
		}
		r.close()
	}
}

// read gives the lines that were not read yet.
func (r *reader) read(give func([]byte) error) error {
	if err := errors.Join(r.before.read(give), r.after.read(give)); err != nil {
		return err
	}
	// The kernel tells of a directory's end when no file that was in it is open.
	var gone [2]error
	r.before, gone[0] = r.before.unlessRemoved(give)
	r.after, gone[1] = r.after.unlessRemoved(give)
	if err := errors.Join(gone[:]...); err != nil {
		return err
	}
	named, err := os.Lstat(filepath.Join(r.dir, current))
	if err != nil || r.after != nil && os.SameFile(named, r.after.info) {
		return nil //nolint:nilerr // it will come
	}
	old := *r
	r.before, r.after = nil, nil
	if err := r.open(); err != nil {
		old.close()
		return err
	}
	r.before = r.before.or(old.before, old.after)
	r.after = r.after.or(old.before, old.after)
	for _, t := range []*tail{old.before, old.after} {
		if t != nil && t != r.before && t != r.after {
			err = errors.Join(err, t.read(give))
			t.f.Close()
		}
	}
	return errors.Join(err, r.before.read(give), r.after.read(give))
}

func (r *reader) toEnd() {
	for _, t := range []*tail{r.before, r.after} {
		if t != nil {
			t.at = t.info.Size()
		}
	}
}

func (r *reader) close() {
	for _, t := range []*tail{r.before, r.after} {
		if t != nil {
			t.f.Close()
		}
	}
	r.before, r.after = nil, nil
}

// openTail opens a file, if there is one; nothing but a regular one is read.
func openTail(path string) (*tail, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the events: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file\n  fix: remove it", path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot read the events: %w", err)
	}
	return &tail{f: f, info: info}, nil
}
