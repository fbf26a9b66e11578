package launcher

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// logFile is the name of a container's log, in its directory.
const logFile = "ctr.log"

// logConfig says how a container's output is kept.
type logConfig struct {
	// Driver is k8s-file, json-file or journald, or empty: none is kept.
	Driver string
	// Path is the file, empty for one in the container's directory.
	Path string
	// Tag marks entries of json-file and journald.
	Tag string
	// MaxSize begins a new file when one has so many bytes; 0 never.
	MaxSize int64
	// MaxFiles are kept, the one being written included.
	MaxFiles int
}

// logWriter writes a container's log: k8s-file as the kubelet has it (CRI
// logging format: time, stream, P or F for part of a line or its end, text), or
// json-file as docker has it.
type logWriter struct {
	logConfig
	path string
	now  func() time.Time

	mu   sync.Mutex
	file *os.File
	size int64
	buf  []byte
	// plain are the bytes that stand in JSON as they are.
	plain [256]bool
	// head and tail stand before and after each line of a piece.
	head, tail []byte
	// torn says that the file ends with half an entry, of a disk that was full.
	torn bool
	// cut is the beginning of a character that ends a piece of a stream, for
	// json-file: text in JSON is made of whole ones.
	cut [3][]byte
}

func openLog(dir string, c logConfig) (*logWriter, error) {
	w := &logWriter{logConfig: c, path: c.Path, now: time.Now}
	if w.path == "" {
		w.path = filepath.Join(dir, logFile)
	}
	for c := ' '; c <= '~'; c++ {
		w.plain[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return w, w.open()
}

func (w *logWriter) open() error {
	// A FIFO would be waited for.
	f, err := os.OpenFile(w.path, os.O_RDWR|os.O_APPEND|os.O_CREATE|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the log: %w", err)
	}
	if fi, err := f.Stat(); err == nil && !fi.Mode().IsRegular() {
		f.Close()
		return fmt.Errorf("cannot write the log: %s is not a regular file\n  fix: --log-opt path=FILE", w.path)
	}
	w.size, w.torn = 0, false
	if fi, err := f.Stat(); err == nil && fi.Size() > 0 {
		w.size = fi.Size()
		last := []byte{'\n'}
		_, err := f.ReadAt(last, w.size-1)
		w.torn = err == nil && last[0] != '\n' // a power cut
	}
	w.file = f
	return nil
}

// write keeps a piece of output. A full disk loses log lines and not the
// container.
func (w *logWriter) write(stream byte, piece []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return
	}
	w.entries(stream, w.whole(stream, piece))
}

// whole puts a character together that was cut between two pieces.
func (w *logWriter) whole(stream byte, piece []byte) []byte {
	if w.Driver != "json-file" || int(stream) >= len(w.cut) {
		return piece
	}
	if cut := w.cut[stream]; len(cut) > 0 {
		piece = append(cut[:len(cut):len(cut)], piece...)
	}
	w.cut[stream] = nil
	for n := 1; n < utf8.UTFMax && n <= len(piece); n++ {
		if tail := piece[len(piece)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				w.cut[stream] = bytes.Clone(tail)
				piece = piece[:len(piece)-n]
			}
			break
		}
	}
	return piece
}

// entries writes a piece, a line an entry. All have one time: it is formatted once,
// which would else be half of the work.
func (w *logWriter) entries(stream byte, piece []byte) {
	w.buf = w.buf[:0]
	w.frame(w.now(), stream)
	for len(piece) > 0 {
		line, rest := piece, []byte(nil)
		if i := bytes.IndexByte(piece, '\n'); i >= 0 {
			line, rest = piece[:i+1], piece[i+1:]
		}
		before := len(w.buf)
		w.buf = w.entry(w.buf, line)
		if w.MaxSize > 0 && w.size+int64(len(w.buf)) > w.MaxSize && w.size+int64(before) > 0 {
			w.flush(before)
			w.rotate()
		}
		piece = rest
	}
	w.flush(len(w.buf))
}

// flush writes the first n bytes of the buffer.
func (w *logWriter) flush(n int) {
	if n > 0 {
		b := w.buf[:n]
		if w.torn { // what follows is an entry of its own
			b = append([]byte{'\n'}, b...)
		}
		written, _ := w.file.Write(b)
		w.size += int64(written)
		if written > 0 {
			w.torn = b[written-1] != '\n'
		}
	}
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
}

// frame makes what stands before and after each line of a piece.
func (w *logWriter) frame(now time.Time, stream byte) {
	name := "stdout"
	if stream == streamErr {
		name = "stderr"
	}
	if w.Driver != "json-file" {
		w.head = now.AppendFormat(w.head[:0], "2006-01-02T15:04:05.000000000Z07:00")
		w.head = append(append(append(w.head, ' '), name...), ' ')
		return
	}
	w.head = append(w.head[:0], `{"log":`...)
	w.tail = append(append(append(w.tail[:0], `,"stream":"`...), name...), '"')
	if w.Tag != "" { // docker's place for it
		tag, _ := json.Marshal(w.Tag)
		w.tail = append(append(append(w.tail, `,"attrs":{"tag":`...), tag...), '}')
	}
	w.tail = append(w.tail, `,"time":"`...)
	w.tail = append(now.UTC().AppendFormat(w.tail, time.RFC3339Nano), "\"}\n"...)
}

// entry adds a line within the frame.
func (w *logWriter) entry(b, line []byte) []byte {
	b = append(b, w.head...)
	if w.Driver == "json-file" {
		return append(w.appendJSON(b, line), w.tail...)
	}
	if line[len(line)-1] != '\n' {
		return append(append(append(b, "P "...), line...), '\n')
	}
	return append(append(b, "F "...), line...)
}

// appendJSON writes text as encoding/json does, which takes ten times as long for
// what is plain.
func (w *logWriter) appendJSON(b, text []byte) []byte {
	plain := bytes.TrimSuffix(text, []byte{'\n'})
	for _, c := range plain {
		if !w.plain[c] {
			quoted, _ := json.Marshal(string(text))
			return append(b, quoted...)
		}
	}
	b = append(append(b, '"'), plain...)
	if len(plain) < len(text) {
		b = append(b, `\n`...)
	}
	return append(b, '"')
}

// rotate renames the files, ctr.log to ctr.log.1 and so on, and begins a new one.
func (w *logWriter) rotate() {
	keep := max(w.MaxFiles, 1)
	for i := keep - 1; i > 0; i-- {
		from := w.path
		if i > 1 {
			from += "." + strconv.Itoa(i-1)
		}
		_ = os.Rename(from, w.path+"."+strconv.Itoa(i))
	}
	if keep == 1 && !w.replace() {
		// Readers that follow the file see that it shrank.
		if w.file.Truncate(0) == nil {
			w.size, w.torn = 0, false
		}
		return
	}
	old := w.file
	if w.open() == nil {
		old.Close()
	}
}

// replace puts an empty file in the log's place: readers that follow the old one
// may read it to its end.
func (w *logWriter) replace() bool {
	f, err := os.OpenFile(w.path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return false
	}
	f.Close()
	return os.Rename(w.path+".new", w.path) == nil
}

func (w *logWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		for stream, cut := range w.cut {
			if len(cut) > 0 {
				w.entries(byte(stream), cut)
			}
		}
		w.file.Close()
		w.file = nil
	}
}
