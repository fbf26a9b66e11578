package launcher

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// logFile is the name of a container's log, in its directory.
const logFile = "ctr.log"

// logConfig says how a container's output is kept.
type logConfig struct {
	// Driver is k8s-file or json-file, or empty: none is kept.
	Driver string
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
}

func openLog(dir string, c logConfig) (*logWriter, error) {
	w := &logWriter{logConfig: c, path: filepath.Join(dir, logFile), now: time.Now}
	return w, w.open()
}

func (w *logWriter) open() error {
	f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the log: %w", err)
	}
	if fi, err := f.Stat(); err == nil {
		w.size = fi.Size()
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
	w.buf = w.buf[:0]
	now := w.now()
	for len(piece) > 0 {
		line, rest := piece, []byte(nil)
		if i := bytes.IndexByte(piece, '\n'); i >= 0 {
			line, rest = piece[:i+1], piece[i+1:]
		}
		before := len(w.buf)
		w.buf = w.entry(w.buf, now, stream, line)
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
		written, _ := w.file.Write(w.buf[:n])
		w.size += int64(written)
	}
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
}

func (w *logWriter) entry(b []byte, now time.Time, stream byte, line []byte) []byte {
	name := "stdout"
	if stream == streamErr {
		name = "stderr"
	}
	if w.Driver == "json-file" {
		text, _ := json.Marshal(string(line))
		b = append(append(b, `{"log":`...), text...)
		b = append(append(append(b, `,"stream":"`...), name...), `","time":"`...)
		return append(now.UTC().AppendFormat(b, time.RFC3339Nano), "\"}\n"...)
	}
	b = now.AppendFormat(b, "2006-01-02T15:04:05.000000000Z07:00")
	b = append(append(append(b, ' '), name...), ' ')
	if line[len(line)-1] != '\n' {
		return append(append(append(b, "P "...), line...), '\n')
	}
	return append(append(b, "F "...), line...)
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
	if keep == 1 {
		// Readers that follow the file see that it shrank.
		if w.file.Truncate(0) == nil {
			w.size = 0
		}
		return
	}
	old := w.file
	if w.open() == nil {
		old.Close()
	}
}

func (w *logWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}
