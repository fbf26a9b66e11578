package launcher

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is in a log, an entry that is read lies in it.
func FuzzLogEntry(f *testing.F) {
	for _, s := range []string{k8s(1, "oF x"), k8s(1, "eP x"), "a b c", `{"log":"x\n","stream":"stderr","time":"t"}`, "", "\n", "{"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		whole := bytes.Clone(line)
		for _, json := range []bool{false, true} {
			e, ok := (&logReader{json: json}).parse(line)
			if !bytes.Equal(whole, line) {
				t.Fatalf("the line was changed: %q", line)
			}
			if ok && !json && (len(e.text)+len(e.time) > len(line) || !bytes.HasPrefix(line, e.time) || !bytes.Contains(line, e.text)) {
				t.Errorf("%q: %+v", line, e)
			}
			if ok && json && e.partial == bytes.HasSuffix(e.text, []byte("\n")) {
				t.Errorf("%q: %+v", line, e)
			}
		}
	})
}

// FuzzLogsTail holds the reading from the end against a plain one: each byte is an
// entry of a stream, whole or not, or the beginning of a file, or damage.
func FuzzLogsTail(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 0}, 2)
	f.Add([]byte{1, 3, 1, 2, 4, 3, 0, 5, 2}, 3)
	f.Fuzz(func(t *testing.T, script []byte, tail int) {
		if len(script) > 300 || tail < 0 || tail > 400 {
			return
		}
		type entryOf struct {
			err  bool
			text string
		}
		var lines []entryOf    // in the order in which they begin
		open := map[bool]int{} // which of lines goes on
		files := []string{""}
		for i, c := range script {
			part, isErr := c%6&1 == 1, c%6&2 == 2
			switch c % 6 {
			case 4:
				if len(files) < 8 {
					files = append(files, "")
				}
				continue
			case 5:
				files[len(files)-1] += "2026-01-02 dam\n"
				continue
			}
			word := fmt.Sprintf("o%c %d", "FP"[c%6&1], i)
			text := fmt.Sprintln(i)
			if isErr {
				word = "e" + word[1:]
			}
			if part {
				text = strings.TrimSuffix(text, "\n")
			}
			files[len(files)-1] += k8s(1, word)
			at, within := open[isErr]
			if !within {
				lines = append(lines, entryOf{err: isErr})
				at = len(lines) - 1
			}
			lines[at].text += text
			if open[isErr] = at; !part {
				delete(open, isErr)
			}
		}
		want := map[bool]string{}
		for _, l := range lines[max(0, len(lines)-tail):] {
			want[l.err] += l.text
		}
		path := filepath.Join(t.TempDir(), logFile)
		r := &logReader{path: path}
		for i, text := range files {
			if err := os.WriteFile(r.name(len(files)-1-i), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, errs := readLog(t, path, Logs{Tail: tail}, false); out != want[false] || errs != want[true] {
			t.Errorf("tail %d of %q: %q and %q, want %q and %q", tail, files, out, errs, want[false], want[true])
		}
	})
}
