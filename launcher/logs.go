package launcher

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

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
}

// Logs writes a container's log. Following ends with the container.
func (c *Containers) Logs(ctx context.Context, name string, l Logs) error {
	x, err := c.Find(name)
	if err != nil {
		return err
	}
	if x.Err == nil && x.Intent.LogDriver == "" {
		return fmt.Errorf("container %s keeps no log: it was made with --log-driver none or passthrough", x.Name)
	}
	r := &logReader{Logs: l, path: filepath.Join(x.Path, logFile), json: x.Intent.LogDriver == "json-file", within: make(map[bool]bool)}
	if err := r.read(ctx, x); !errors.Is(err, errUntil) {
		return err
	}
	return nil
}

// LogPath is where a container's log is, if one is kept.
func LogPath(c *containers.Container) string { return filepath.Join(c.Path, logFile) }

// logReader reads a log and, when it follows, what is added to it.
type logReader struct {
	Logs
	path string
	json bool
	// within tells of which streams a line has begun, skip of which it had before
	// the first entry that is wanted. Keyed by whether it is standard error.
	within, skip map[bool]bool
}

func (r *logReader) read(ctx context.Context, x *containers.Container) error {
	out, errw := bufio.NewWriterSize(r.Out, 64<<10), bufio.NewWriterSize(r.Err, 64<<10)
	r.Out, r.Err = out, errw
	flush := func() error { return errors.Join(out.Flush(), errw.Flush()) }
	defer func() { _ = flush() }()
	files, err := r.files()
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if r.Tail >= 0 {
		if err := r.seekTail(files); err != nil {
			return err
		}
	}
	if len(files) == 0 && !r.Follow {
		return nil
	}
	// What follows is noticed from before the first read on.
	var w *watcher
	if r.Follow {
		if w, err = watch(filepath.Dir(r.path)); err != nil {
			return err
		}
		defer w.close()
	}
	for i, f := range files {
		if err := r.copy(f); err != nil {
			return err
		}
		if i == len(files)-1 && r.Follow {
			if err := flush(); err != nil {
				return err
			}
			files[i] = nil
			return errors.Join(r.follow(ctx, w, f, x, flush), flush())
		}
	}
	if r.Follow {
		return errors.Join(r.follow(ctx, w, nil, x, flush), flush())
	}
	return flush()
}

// files opens the log's files, the oldest first.
func (r *logReader) files() (files []*os.File, err error) {
	for i := 1; ; i++ {
		f, err := os.Open(r.path + "." + strconv.Itoa(i))
		if err != nil {
			break
		}
		files = append([]*os.File{f}, files...)
	}
	f, err := os.Open(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return files, nil
	}
	if err != nil {
		return files, fmt.Errorf("cannot read the log: %w", err)
	}
	return append(files, f), nil
}

// seekTail moves to the last lines: whole ones, of which a log may hold several
// entries. It reads backwards, so that a long log costs no more than a short one.
func (r *logReader) seekTail(files []*os.File) error {
	want := r.Tail
	for i := len(files) - 1; i >= 0; i-- {
		size, err := files[i].Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		at, found, err := r.backwards(files[i], size, want)
		if err != nil {
			return err
		}
		if _, err := files[i].Seek(at, io.SeekStart); err != nil {
			return err
		}
		if want -= found; want <= 0 {
			for _, f := range files[:i] {
				if _, err := f.Seek(0, io.SeekEnd); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return nil
}

// backwards finds where the last want lines begin, and how many there are.
func (r *logReader) backwards(f *os.File, size int64, want int) (at int64, found int, err error) {
	if want == 0 {
		return size, 0, nil
	}
	const piece = 64 << 10
	b := make([]byte, piece)
	// An entry ends with a newline: the one before the first wanted is looked for.
	var tail []byte
	for pos := size; pos > 0; {
		n := min(piece, pos)
		pos -= n
		if _, err := f.ReadAt(b[:n], pos); err != nil && err != io.EOF {
			return 0, 0, err
		}
		tail = append(append(make([]byte, 0, int(n)+len(tail)), b[:n]...), tail...)
		// Count whole lines in tail, all of whose entries but perhaps the first are complete.
		starts := r.lineStarts(tail, pos == 0)
		if len(starts) >= want {
			s := starts[len(starts)-want]
			r.skip = s.within
			return pos + int64(s.off), want, nil
		}
		found = len(starts)
	}
	return 0, found, nil
}

// lineStart is where a line of output begins in a piece of log, and which streams
// are within a line there.
type lineStart struct {
	off    int
	within map[bool]bool
}

// lineStarts finds where lines begin; whole tells that the piece begins with an
// entry.
func (r *logReader) lineStarts(b []byte, whole bool) (starts []lineStart) {
	within := map[bool]bool{} // streams of which the next entry goes on with a line
	for off := 0; off < len(b); {
		end := bytes.IndexByte(b[off:], '\n')
		if end < 0 {
			end = len(b) - off - 1
		}
		if e, ok := r.parse(b[off : off+end+1]); ok {
			if !within[e.err] && (off > 0 || whole) {
				starts = append(starts, lineStart{off, maps.Clone(within)})
			}
			within[e.err] = e.partial
		}
		off += end + 1
	}
	return starts
}

// entry is one entry of a log.
type entry struct {
	time    []byte // RFC 3339
	err     bool
	partial bool // the line goes on in the next entry
	text    []byte
}

func (r *logReader) parse(line []byte) (e entry, ok bool) {
	if r.json {
		var j struct{ Log, Stream, Time string }
		if json.Unmarshal(line, &j) != nil || j.Time == "" {
			return e, false
		}
		e = entry{time: []byte(j.Time), err: j.Stream == "stderr", text: []byte(j.Log)}
		e.partial = !bytes.HasSuffix(e.text, []byte("\n"))
		return e, true
	}
	var stream, tag []byte
	if e.time, line, ok = bytes.Cut(line, []byte(" ")); !ok {
		return e, false
	}
	if stream, line, ok = bytes.Cut(line, []byte(" ")); !ok {
		return e, false
	}
	if tag, e.text, ok = bytes.Cut(line, []byte(" ")); !ok || len(e.time) < 20 {
		return e, false
	}
	e.err = string(stream) == "stderr"
	if e.partial = string(tag) == "P"; e.partial {
		e.text = bytes.TrimSuffix(e.text, []byte("\n"))
	}
	return e, e.err || string(stream) == "stdout"
}

var errUntil = errors.New("past the last moment wanted")

// copy writes the entries from where the file is to its end.
func (r *logReader) copy(f *os.File) error {
	in := bufio.NewReaderSize(f, 256<<10)
	for {
		line, err := in.ReadSlice('\n')
		for err == bufio.ErrBufferFull { // longer than any entry that was read at once
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

func (r *logReader) write(e entry) error {
	if r.skip[e.err] {
		r.skip[e.err] = e.partial
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
	if r.Timestamps && !r.within[e.err] {
		if _, err := w.Write(append(e.time[:len(e.time):len(e.time)], ' ')); err != nil {
			return err
		}
	}
	r.within[e.err] = e.partial
	_, err := w.Write(e.text)
	return err
}

// follow copies what is added until the container has ended.
func (r *logReader) follow(ctx context.Context, w *watcher, f *os.File, x *containers.Container, flush func() error) error {
	for {
		alive, err := x.Alive()
		if err != nil {
			return err
		}
		if f == nil {
			f, _ = os.Open(r.path)
		}
		if f != nil {
			if err := r.copy(f); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
			next, err := r.rotated(f)
			if err != nil {
				return err
			}
			if next != f {
				f = next
				continue
			}
		}
		if !alive {
			return nil
		}
		if !r.Until.IsZero() && time.Now().After(r.Until) {
			return nil
		}
		if err := w.wait(ctx, x); err != nil {
			return err
		}
	}
}

// rotated returns the file to go on with: another one when this was renamed, the
// same from its beginning when it was emptied.
func (r *logReader) rotated(f *os.File) (*os.File, error) {
	var open, named unix.Stat_t
	if unix.Fstat(int(f.Fd()), &open) != nil || unix.Stat(r.path, &named) != nil {
		return f, nil
	}
	if open.Ino != named.Ino || open.Dev != named.Dev {
		next, err := os.Open(r.path)
		if err != nil {
			return f, nil //nolint:nilerr // it is being rotated once more
		}
		err = r.copy(f)
		f.Close()
		return next, err
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err == nil && at > open.Size {
		_, err = f.Seek(0, io.SeekStart)
	}
	return f, err
}
