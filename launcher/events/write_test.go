package events

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The file that is full is kept beside the new one; older ones go.
func TestRotate(t *testing.T) {
	data := t.TempDir()
	for _, id := range []string{"1", "2", "3"} {
		e := event(Start, id)
		line := e.appendLine(nil)
		if err := os.MkdirAll(Dir(data), 0o700); err != nil {
			t.Fatal(err)
		}
		write(Dir(data), []byte(strings.Replace(string(line), `"0001-01-01T00:00:00Z"`, `"2026-01-02T03:04:05Z"`, 1)), 10)
	}
	if got := strings.Join(all(t, data, Query{}), ","); got != "start 3" { // log.1 alone
		t.Error(got)
	}
	Write(data, event(Start, "4"))
	if got := strings.Join(all(t, data, Query{}), ","); got != "start 3,start 4" {
		t.Error(got)
	}
}

// What cannot be written is lost, and that is all.
func TestWriteNowhere(t *testing.T) {
	Write("", event(Start, "1"))
	Write(filepath.Join(t.TempDir(), "nosuch"), event(Start, "1"))
	data := t.TempDir()
	if err := os.Symlink("/dev/null", Dir(data)); err != nil {
		t.Fatal(err)
	}
	Write(data, event(Start, "1"))
	elsewhere := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(elsewhere, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(Dir(data))
	if err := os.Mkdir(Dir(data), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(Dir(data), current)); err != nil {
		t.Fatal(err)
	}
	Write(data, event(Start, "1")) // a link is not followed
	if b, err := os.ReadFile(elsewhere); err != nil || string(b) != "untouched" {
		t.Errorf("%q, %v", b, err)
	}
}

func BenchmarkWrite(b *testing.B) {
	data := b.TempDir()
	for b.Loop() {
		Write(data, event(Start, "1"))
	}
}
