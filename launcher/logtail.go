package launcher

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// logTail counts lines from the end of a log on. A line may be several entries,
// with the other stream's between them: where one begins is known when the entry
// before it, of the same stream, is found to end a line.
type logTail struct {
	want  int
	n     int // entries taken
	lines int // whose beginning is known
	// first is, of each stream, the entry taken last: the n it was, 0 for none, and
	// how many known beginnings come after it.
	first [2]struct{ n, after int }
	// doubt is how many bytes were read only to find out where a line begins.
	doubt int
}

// maxDoubt bounds that: where the one line of standard error begins is not worth
// reading a gigabyte of standard output.
const maxDoubt = 1 << 20

// take takes the entry before the one it took last.
func (t *logTail) take(e entry, size int) {
	t.n++
	if t.lines >= t.want {
		t.doubt += size
	}
	its, other := &t.first[e.stream()], &t.first[1-e.stream()]
	if its.n > 0 && !e.partial {
		t.lines++
		if other.n > its.n {
			other.after++
		}
	}
	its.n, its.after = t.n, t.lines
}

// enough tells that the last lines wanted begin at what was taken, or after it.
func (t *logTail) enough() bool {
	for _, f := range t.first {
		if f.n > 0 && f.after < t.want && t.doubt < maxDoubt {
			return false
		}
	}
	return t.lines >= t.want
}

// drop is how many lines to leave out for the wanted ones to be left, if what was
// taken is read forwards.
func (t *logTail) drop() int {
	n := t.lines - t.want
	for _, f := range t.first {
		if f.n > 0 {
			n++
		}
	}
	return max(n, 0)
}

// seekTail moves to the last lines. It reads backwards, so that a long log costs
// no more than a short one.
func (r *logReader) seekTail(files []*os.File) error {
	t := &logTail{want: r.Tail}
	for i := len(files) - 1; i >= 0; i-- {
		size, err := files[i].Seek(0, io.SeekEnd)
		if err != nil {
			return fmt.Errorf("cannot read the log: %w", err)
		}
		at, err := backwards(files[i], size, t.enough, func(line []byte) {
			if e, ok := r.parse(line); ok {
				t.take(e, len(line))
			}
		})
		if err == nil {
			_, err = files[i].Seek(at, io.SeekStart)
		}
		if err != nil {
			return fmt.Errorf("cannot read the log: %w", err)
		}
	}
	r.drop = t.drop()
	return nil
}

// backwards gives a file's lines to each, the last one first, until it is enough,
// and returns where the one that was given last begins. What follows the last
// newline is no line yet.
func backwards(f io.ReaderAt, size int64, enough func() bool, each func(line []byte)) (at int64, err error) {
	var b []byte // what lies from pos on and was not given; of lines, but for the end of the file
	at, piece, ended := size, int64(64<<10), false
	for pos := size; ; {
		for len(b) > 0 {
			i := bytes.LastIndexByte(b[:len(b)-1], '\n')
			if i < 0 && pos > 0 {
				break
			}
			line := b[i+1:]
			ended = ended || line[len(line)-1] == '\n'
			if ended && enough() {
				return pos + int64(len(b)), nil
			}
			if ended {
				each(line)
			}
			at, b = pos+int64(i)+1, b[:i+1]
		}
		if pos == 0 || ended && enough() {
			return at, nil
		}
		n := min(piece, pos)
		pos -= n
		more := make([]byte, n, n+int64(len(b)))
		if _, err := f.ReadAt(more, pos); err != nil && err != io.EOF {
			return 0, err
		}
		if b = append(more, b...); bytes.IndexByte(more, '\n') < 0 {
			piece *= 2 // a long line is not looked through again and again
		}
	}
}
