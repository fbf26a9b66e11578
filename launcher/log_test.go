package launcher

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// clock counts seconds from a fixed moment on.
func clock() func() time.Time {
	n := 0
	return func() time.Time { n++; return time.Date(2026, 1, 2, 3, 4, n, 5, time.UTC) }
}

func newLog(t testing.TB, c logConfig) *logWriter {
	t.Helper()
	w, err := openLog(t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	w.now = clock()
	t.Cleanup(w.close)
	return w
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLogFormats(t *testing.T) {
	for driver, want := range map[string]string{
		"k8s-file": "2026-01-02T03:04:01.000000005Z stdout F one\n2026-01-02T03:04:01.000000005Z stdout P tw\n" +
			"2026-01-02T03:04:02.000000005Z stderr F \n2026-01-02T03:04:03.000000005Z stdout F o\n",
		"json-file": `{"log":"one\n","stream":"stdout","time":"2026-01-02T03:04:01.000000005Z"}` + "\n" +
			`{"log":"tw","stream":"stdout","time":"2026-01-02T03:04:01.000000005Z"}` + "\n" +
			`{"log":"\n","stream":"stderr","time":"2026-01-02T03:04:02.000000005Z"}` + "\n" +
			`{"log":"o\n","stream":"stdout","time":"2026-01-02T03:04:03.000000005Z"}` + "\n",
	} {
		w := newLog(t, logConfig{Driver: driver})
		w.write(streamOut, []byte("one\ntw"))
		w.write(streamErr, []byte("\n"))
		w.write(streamOut, []byte("o\n"))
		w.write(streamOut, nil)
		if got := content(t, w.path); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", driver, got, want)
		}
		if fi, err := os.Stat(w.path); err != nil || fi.Mode().Perm() != 0o600 || fi.Size() != w.size {
			t.Errorf("%s: %v, %v, size %d", driver, fi.Mode(), err, w.size)
		}
	}
}

// A character that two reads cut in half is one character in JSON; what is no
// text at all is kept apart from it.
func TestLogCutCharacters(t *testing.T) {
	text := "aé€😀\xff\xf0\n\xe2\x82"
	for cut := 1; cut < len(text); cut++ {
		w := newLog(t, logConfig{Driver: "json-file"})
		w.write(streamOut, []byte(text[:cut]))
		w.write(streamErr, []byte("x"))
		w.write(streamOut, []byte(text[cut:]))
		w.close()
		var got strings.Builder
		for line := range strings.Lines(content(t, w.path)) {
			var e struct{ Log, Stream string }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("cut at %d: %q: %v", cut, line, err)
			}
			if e.Stream == "stdout" {
				got.WriteString(e.Log)
			}
		}
		// encoding/json puts one U+FFFD for each byte that is none of a character.
		if want := "aé€😀\ufffd\ufffd\n\ufffd\ufffd"; got.String() != want {
			t.Errorf("cut at %d: %q", cut, got.String())
		}
	}
}

func TestLogRotation(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files int
		left  []string // of ctr.log, ctr.log.1, …: their first lines' numbers
	}{
		{"one file", 1, []string{"h"}},
		{"no number", 0, []string{"h"}},
		{"three", 3, []string{"h", "g", "f"}},
		{"more than there are", 20, []string{"h", "g", "f", "e", "d", "c", "b", "a"}},
	} {
		w := newLog(t, logConfig{Driver: "k8s-file", MaxSize: 60, MaxFiles: tt.files})
		for c := 'a'; c <= 'h'; c++ {
			w.write(streamOut, []byte(string(c)+" something\n"))
		}
		entries, err := os.ReadDir(filepath.Dir(w.path))
		if err != nil || len(entries) != len(tt.left) {
			t.Errorf("%s: %v, %v", tt.name, entries, err)
		}
		r := &logReader{path: w.path}
		for i, want := range tt.left {
			got := content(t, r.name(i))
			if !strings.Contains(got, " F "+want+" something\n") || len(got) > 60 {
				t.Errorf("%s: file %d: %q", tt.name, i, got)
			}
		}
	}
}

// One entry is never divided, whatever its size; several of one piece are.
func TestLogRotationInOnePiece(t *testing.T) {
	w := newLog(t, logConfig{Driver: "k8s-file", MaxSize: 100, MaxFiles: 9})
	w.write(streamOut, []byte("1\n2\n3\n"+strings.Repeat("x", 500)+"\n4\n"))
	r := &logReader{path: w.path}
	var sizes []int
	for i := 3; i >= 0; i-- {
		sizes = append(sizes, strings.Count(content(t, r.name(i)), "\n"))
	}
	if want := []int{2, 1, 1, 1}; !equal(sizes, want) {
		t.Errorf("entries in the files: %v, want %v", sizes, want)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A log goes on where the last run ended; half an entry that it ended with does
// not swallow the next.
func TestLogGoesOn(t *testing.T) {
	for name, before := range map[string]string{"whole": "2026-01-02T03:04:01.000000005Z stdout F old\n", "torn": "2026-01-02T03:04:01.000000005Z stdout F o"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, logFile), []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := openLog(dir, logConfig{Driver: "k8s-file"})
		if err != nil {
			t.Fatal(err)
		}
		w.now = clock()
		w.write(streamOut, []byte("new\n"))
		w.close()
		want := strings.TrimSuffix(before, "\n") + "\n2026-01-02T03:04:01.000000005Z stdout F new\n"
		if got := content(t, w.path); got != want || int64(len(got)) != w.size {
			t.Errorf("%s: %q, size %d", name, got, w.size)
		}
	}
}

// A disk that is full costs lines of the log, no more: writing goes on when there
// is room again.
func TestLogFullDisk(t *testing.T) {
	w := newLog(t, logConfig{Driver: "k8s-file", MaxSize: 4096, MaxFiles: 2})
	w.write(streamOut, []byte("before\n"))
	good := w.file
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	w.file = full
	w.write(streamOut, []byte("lost\n"))
	w.file = good
	w.write(streamOut, []byte("after\n"))
	if got := content(t, w.path); strings.Contains(got, "lost") || strings.Count(got, "\n") != 2 {
		t.Errorf("%q", got)
	}
	w.torn = true // the last write came half-way
	w.write(streamOut, []byte("again\n"))
	if got := content(t, w.path); !strings.Contains(got, "\n\n2026") || w.torn {
		t.Errorf("%q, torn %v", got, w.torn)
	}
}

// Nor does a directory that cannot be written to, when it is time to rotate.
func TestLogCannotRotate(t *testing.T) {
	for _, files := range []int{1, 3} {
		w := newLog(t, logConfig{Driver: "k8s-file", MaxSize: 60, MaxFiles: files})
		w.write(streamOut, []byte("first\n"))
		dir := filepath.Dir(w.path)
		if err := os.Rename(dir, dir+"x"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w.write(streamOut, []byte("second and long enough to begin a file\n"))
		}
		if err := os.Rename(dir+"x", dir); err != nil {
			t.Fatal(err)
		}
		w.write(streamOut, []byte("third, which begins one\n"))
		if got := content(t, w.path); !strings.Contains(got, "third") {
			t.Errorf("%d files: %q", files, got)
		}
	}
}

func TestLogCannotOpen(t *testing.T) {
	if _, err := openLog(filepath.Join(t.TempDir(), "nowhere"), logConfig{}); err == nil || !strings.Contains(err.Error(), "cannot write the log") {
		t.Errorf("%v", err)
	}
	w := newLog(t, logConfig{Driver: "k8s-file"})
	w.close()
	w.write(streamOut, []byte("late\n")) // a pump that outlived the container
	w.close()
	if got := content(t, w.path); got != "" {
		t.Errorf("%q", got)
	}
}

// What was written in any pieces is read as it was, in both formats.
func FuzzLog(f *testing.F) {
	f.Add([]byte("one\ntwo"), []byte("three\n"), []byte("\n\xffx"), uint8(0))
	f.Add([]byte("é"), []byte{}, []byte("\xc3"), uint8(3))
	f.Fuzz(func(t *testing.T, a, b, c []byte, how uint8) {
		driver := "k8s-file"
		if how&1 == 1 {
			driver = "json-file"
		}
		if driver == "json-file" && (!utf8.Valid(bytes.Join([][]byte{a, c}, nil)) || !utf8.Valid(b)) {
			return // JSON cannot hold it
		}
		w := newLog(t, logConfig{Driver: driver, MaxSize: int64(how) * 4, MaxFiles: 1000})
		w.write(streamOut, a)
		w.write(streamErr, b)
		w.write(streamOut, c)
		w.close()
		out, errs := readLog(t, w.path, Logs{Tail: -1}, driver == "json-file")
		if want := string(a) + string(c); out != want || errs != string(b) {
			t.Errorf("%s: %q and %q, want %q and %q", driver, out, errs, want, b)
		}
	})
}
