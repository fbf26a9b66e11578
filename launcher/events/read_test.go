package events

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// all reads what there is, as "status id" words.
func all(t *testing.T, data string, q Query) []string {
	t.Helper()
	var got []string
	if err := Read(t.Context(), data, q, func(e *Event) error { got = append(got, e.Status+" "+e.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func event(status, id string) Event { return Event{Type: Container, Status: status, ID: id} }

func TestReadBack(t *testing.T) {
	data := t.TempDir()
	if got := all(t, data, Query{}); len(got) != 0 {
		t.Fatalf("%q", got)
	}
	old := event(Create, "1")
	old.Time = time.Unix(1000, 0)
	Write(data, old, event(Start, "1"))
	code := 3
	Write(data, Event{Type: Container, Status: Died, ID: "1", ExitCode: &code, Attributes: map[string]string{"k": "v\n"}})
	for _, tt := range []struct {
		q    Query
		want string
	}{
		{Query{}, "create 1,start 1,died 1"},
		{Query{Since: time.Unix(1001, 0)}, "start 1,died 1"},
		{Query{Since: time.Unix(1000, 0), Until: time.Unix(1000, 0)}, "create 1"},
		{Query{Until: time.Unix(1001, 0), Stream: true}, "create 1"},
		{Query{Filter: func(e *Event) bool { return e.ExitCode != nil && *e.ExitCode == 3 && e.Attributes["k"] == "v\n" }}, "died 1"},
	} {
		if got := strings.Join(all(t, data, tt.q), ","); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.q, got, tt.want)
		}
	}
	if fi, err := os.Stat(Dir(data)); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if fi, err := os.Stat(filepath.Join(Dir(data), current)); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
}

// Lines of a crash, a full disk or somebody else are skipped, and do not swallow
// the next one.
func TestDamaged(t *testing.T) {
	data := t.TempDir()
	Write(data, event(Start, "1"))
	f, err := os.OpenFile(filepath.Join(Dir(data), current), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "\n\x00\xff\n%s\n{\"time\":\"2026-01-02T03:04:05Z\",\"type\":\"container\",\"sta", strings.Repeat("x", 5*MaxLine))
	Write(data, event(Start, "2"), event(Start, "3"))
	if got := strings.Join(all(t, data, Query{}), ","); got != "start 1,start 2,start 3" {
		t.Error(got)
	}
}

func TestNoRegularFile(t *testing.T) {
	data := t.TempDir()
	if err := os.MkdirAll(filepath.Join(Dir(data), current), 0o700); err != nil {
		t.Fatal(err)
	}
	Write(data, event(Start, "1"))
	if err := Read(t.Context(), data, Query{}, func(*Event) error { return nil }); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Error(err)
	}
}

// Many writers, and a file that is full again and again: no line is torn, and who
// follows misses none.
func TestFollow(t *testing.T) {
	data := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const writers, each = 8, 50
	var seen [writers]chan int
	for i := range seen {
		seen[i] = make(chan int, each)
	}
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		var once sync.Once
		ended <- Read(ctx, data, Query{Stream: true}, func(e *Event) error {
			once.Do(func() { close(ready) })
			var writer, i int
			if n, _ := fmt.Sscanf(e.ID, "%d-%d", &writer, &i); n == 2 {
				seen[writer] <- i
			}
			return nil
		})
	}()
	for waiting := true; waiting; {
		Write(data, event(Start, "ready")) // until it is followed
		select {
		case <-ready:
			waiting = false
		case <-time.After(time.Millisecond):
		}
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				e := event(Start, fmt.Sprint(w, "-", i))
				e.Time = time.Now()
				write(Dir(data), e.appendLine(nil), 2000) // 20 events a file, at most 8 are not yet seen
				if got := <-seen[w]; got != i {
					t.Errorf("writer %d: %d instead of %d", w, got, i)
				}
			}
		})
	}
	wg.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// While writers are in each other's way a file may grow; alone, one puts it aside.
	last := event(Start, "last")
	write(Dir(data), last.appendLine(nil), 2000)
	if fi, err := os.Stat(filepath.Join(Dir(data), current)); err == nil && fi.Size() > 2000 {
		t.Errorf("%d bytes", fi.Size())
	}
	if _, err := os.Stat(filepath.Join(Dir(data), previous)); err != nil {
		t.Error(err)
	}
}

func TestFollowEnds(t *testing.T) {
	data := t.TempDir()
	until := time.Now().Add(50 * time.Millisecond)
	if err := Read(t.Context(), data, Query{Stream: true, Until: until}, nil); err != nil || time.Now().Before(until) {
		t.Errorf("%v before %v", err, until)
	}
	boom := errors.New("boom")
	Write(data, event(Start, "1"))
	if err := Read(t.Context(), data, Query{Stream: true, Since: time.Unix(1, 0)}, func(*Event) error { return boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
}

// `system reset` removes all files; who follows sees what comes after it.
func TestFollowRemoved(t *testing.T) {
	data := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan string, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- Read(ctx, data, Query{Stream: true, Since: time.Unix(1, 0)}, func(e *Event) error { seen <- e.ID; return nil })
	}()
	Write(data, event(Start, "1"))
	if got := <-seen; got != "1" {
		t.Error(got)
	}
	if err := os.RemoveAll(Dir(data)); err != nil {
		t.Fatal(err)
	}
	Write(data, event(Start, "2"))
	if got := <-seen; got != "2" {
		t.Error(got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("a\nb\n\nc"), 3)
	f.Add([]byte(strings.Repeat("x", 100)), 7)
	f.Fuzz(func(t *testing.T, content []byte, piece int) {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		tl, err := openTail(path)
		if err != nil {
			t.Fatal(err)
		}
		defer tl.f.Close()
		w, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		var got []string
		piece = max(1, piece%1000)
		for rest := content; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			if _, err := w.Write(rest[:min(piece, len(rest))]); err != nil {
				t.Fatal(err)
			}
			if err := tl.read(func(l []byte) error { got = append(got, string(l)); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		whole := strings.Split(string(content), "\n")
		if want := whole[:len(whole)-1]; strings.Join(got, "\n") != strings.Join(want, "\n") || len(got) != len(want) {
			t.Errorf("%q in pieces of %d: %q", content, piece, got)
		}
	})
}
