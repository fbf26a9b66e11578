package launcher

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// Bytes are those of the container.
func BenchmarkLog(b *testing.B) {
	piece := []byte(strings.Repeat(strings.Repeat("0123456789", 10)+"\n", 600))
	for _, driver := range []string{"k8s-file", "json-file"} {
		b.Run("write "+driver, func(b *testing.B) {
			w := newLog(b, logConfig{Driver: driver, MaxSize: 64 << 20, MaxFiles: 1})
			b.SetBytes(int64(len(piece)))
			for b.Loop() {
				w.write(streamOut, piece)
			}
		})
		b.Run("read "+driver, func(b *testing.B) {
			w := newLog(b, logConfig{Driver: driver})
			for range 100 {
				w.write(streamOut, piece)
			}
			w.close()
			b.SetBytes(int64(100 * len(piece)))
			for b.Loop() {
				r := &logReader{Logs: Logs{Tail: -1, Out: io.Discard, Err: &bytes.Buffer{}}, path: filepath.Join(filepath.Dir(w.path), logFile), json: driver == "json-file"}
				if err := r.read(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
