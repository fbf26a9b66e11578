package launcher

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"coracle/launcher/containers"
)

// Logs says what of a container's log is wanted.
type Logs struct {
	Follow       bool
	Since, Until time.Time // zero: no bound
	Tail         int       // lines from the end, negative: all
	Timestamps   bool
	// Out and Err receive what went to the container's standard output and error.
	Out, Err io.Writer
	// Note, unless nil, is told why there is nothing.
	Note func(string)
}

// Logs writes a container's log. Following ends with the container.
func (c *Containers) Logs(ctx context.Context, name string, l Logs) error {
	x, err := c.Find(name)
	if err != nil {
		return err
	}
	if x.Err == nil && x.Intent.LogDriver == "" {
		return fmt.Errorf("container %s keeps no log: it was made in the foreground, or with --log-driver none or passthrough", x.Name)
	}
	r := &logReader{Logs: l, path: LogPath(x), json: x.Intent.LogDriver == "json-file"}
	if x.Intent.LogDriver == "journald" {
		return r.readJournal(ctx, x)
	}
	if err := r.read(ctx, x); !errors.Is(err, errUntil) {
		return err
	}
	return nil
}

// LogPath is the file of a container's log, if one is kept; of a log in the journal
// there is none.
func LogPath(c *containers.Container) string {
	switch {
	case c.Intent.LogDriver == "journald":
		return ""
	case c.Intent.LogPath != "":
		return c.Intent.LogPath
	}
	return filepath.Join(c.Path, logFile)
}

// logReader reads a log and, when it follows, what is added to it.
type logReader struct {
	Logs
	path string
	json bool
	// drop is how many lines come before the first that is wanted.
	drop    int
	streams [2]logStream // standard output and error
	in      *bufio.Reader
	// head is how the last entry began that ended a line, like what that says.
	head []byte
	like entry
}

// logStream is how far a stream has been read.
type logStream struct {
	within bool // a line has begun
	skip   bool // it is not wanted
	shown  bool // a part of it was written
}

func (r *logReader) read(ctx context.Context, x *containers.Container) error {
	out, errw := bufio.NewWriterSize(r.Out, 64<<10), bufio.NewWriterSize(r.Err, 64<<10)
	r.Out, r.Err = out, errw
	flush := func() error { return errors.Join(out.Flush(), errw.Flush()) }
	defer func() { _ = flush() }()
	// What follows is noticed from before the first read on.
	var w *watcher
	if r.Follow {
		var err error
		if w, err = watch(filepath.Dir(r.path)); err != nil {
			return err
		}
		defer w.close()
	}
	files, err := r.files()
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return err
	}
	if len(files) == 0 && r.Note != nil && !x.Started.IsZero() {
		r.Note(x.Name + " was started in the foreground, and what it wrote went there\n  fix: with -d, or --log-driver " + defaultLogDriver + ", a log is kept")
	}
	if r.Tail >= 0 {
		if err := r.seekTail(files); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := r.copy(f); err != nil {
			return err
		}
	}
	if err := flush(); err != nil || !r.Follow {
		return err
	}
	var last *os.File
	if n := len(files); n > 0 {
		files, last = files[:n-1], files[n-1]
	}
	return errors.Join(r.follow(ctx, w, last, x, flush), flush())
}

// name is the path of a log's file: 0 the one being written, then ever older ones.
func (r *logReader) name(i int) string {
	if i == 0 {
		return r.path
	}
	return r.path + "." + strconv.Itoa(i)
}

// files opens the log's files, the oldest first. They are looked for from the
// newest on: rotation meanwhile shows one twice, but hides none.
func (r *logReader) files() (files []*os.File, err error) {
	missing := 0
	for i := 0; missing < 2; i++ { // between two renames, one is missing
		f, err := os.Open(r.name(i))
		if errors.Is(err, os.ErrNotExist) {
			missing++
			continue
		}
		if err != nil {
			return files, fmt.Errorf("cannot read the log: %w", err)
		}
		missing = 0
		if len(files) > 0 && sameOpen(f, files[0]) {
			f.Close()
			continue
		}
		files = append([]*os.File{f}, files...)
	}
	return files, nil
}

func sameOpen(a, b *os.File) bool {
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}

var errUntil = errors.New("past the last moment wanted")

// copy writes the entries from where the file is to its end.
func (r *logReader) copy(f *os.File) error {
	if r.in == nil {
		r.in = bufio.NewReaderSize(nil, 256<<10)
	}
	in := r.in
	in.Reset(f)
	for {
		line, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull { // longer than any entry that was read at once
			line = append([]byte(nil), line...)
			var more []byte
			more, err = in.ReadBytes('\n')
			line = append(line, more...)
		}
		if err == io.EOF {
			// An entry that is being written: read it when it is whole.
			_, err := f.Seek(-int64(len(line)), io.SeekCurrent)
			return err
		}
		if err != nil {
			return fmt.Errorf("cannot read the log: %w", err)
		}
		e, ok := r.parse(line)
		if !ok {
			continue // half an entry, of a crash
		}
		if err := r.write(e); err != nil {
			return err
		}
	}
}

// write writes an entry if it is wanted.
func (r *logReader) write(e entry) error {
	s := &r.streams[e.stream()]
	if !s.within {
		s.shown = false
		if s.skip = r.drop > 0; s.skip {
			r.drop--
		}
	}
	s.within = e.partial
	if s.skip {
		return nil
	}
	if !r.Since.IsZero() || !r.Until.IsZero() {
		t, err := time.Parse(time.RFC3339Nano, string(e.time))
		if err == nil && !r.Since.IsZero() && t.Before(r.Since) {
			return nil
		}
		if err == nil && !r.Until.IsZero() && t.After(r.Until) {
			return errUntil
		}
	}
	w := r.Out
	if e.err {
		w = r.Err
	}
	if r.Timestamps && !s.shown {
		if _, err := w.Write(append(e.time[:len(e.time):len(e.time)], ' ')); err != nil {
			return err
		}
	}
	s.shown = true
	_, err := w.Write(e.text)
	return err
}
