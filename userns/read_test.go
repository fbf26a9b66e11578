package userns

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	line := strings.Repeat("x", 99) + "\n"
	for _, c := range []struct {
		name string
		text string
		want int
	}{
		{"empty", "", 0},
		{"short", "abc", 3},
		{"a buffer", strings.Repeat("x", 4096), 4096},
		{"large", strings.Repeat(line, 1000), 100000},
		{"too large, cut after a line", strings.Repeat(line, 20000), maxFile / 100 * 100},
		{"too large, without lines", strings.Repeat("x", 2*maxFile), 0},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := readFile(path)
		if err != nil || len(got) != c.want || !bytes.HasPrefix([]byte(c.text), got) {
			t.Errorf("%s: %d bytes, %v; want %d", c.name, len(got), err, c.want)
		}
	}
	if got, err := readFile(filepath.Join(dir, "none")); err != nil || len(got) > 0 {
		t.Errorf("a file that is not there: %q, %v", got, err)
	}
	if _, err := readFile(dir); err == nil {
		t.Error("a directory was read")
	}
	if got, err := readFile("/dev/zero"); err != nil || len(got) > 0 {
		t.Errorf("an endless file: %d bytes, %v", len(got), err)
	}
}
