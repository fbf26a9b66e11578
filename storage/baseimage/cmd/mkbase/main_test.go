package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "base.oci.tar")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"usage":       {},
		"no such":     {"-o", out, "-busybox", dir + "/none"},
		"not a us":    {"-o", out, "-busybox", file, "-copyright", file, "-version", "1"},
		"licence":     {"-o", out, "-busybox", file, "-copyright", file}, // no version
		"not defined": {"-unknown"},
	} {
		if err := run(args, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run([]string{"-o", out}, "yesterday"); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Error(err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written all the same")
	}
}

func TestReadFirst(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		asked, want string
		others      []string
	}{
		{"", "b", []string{in("a"), in("b"), in("c")}},
		{in("c"), "c", []string{in("b")}},
		{in("a"), "", []string{in("b")}},
		{"", "", []string{in("a")}},
	} {
		data, err := readFirst(c.asked, c.others...)
		if string(data) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c, data, err)
		}
	}
}

func TestReplace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"one", "two"} {
		if err := replace(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(name); string(data) != text || err != nil {
			t.Errorf("%q, %v", data, err)
		}
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := replace(name, []byte("two")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(name)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("written again: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if err := replace("/nonexistent/f", nil); err == nil {
		t.Error("no error")
	}
}
