package main_test

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"
)

// Nothing of an image can be loaded into the launcher and what it carries: they
// are static (docker CVE-2019-14271, podman CVE-2022-1227).
func TestStaticPrograms(t *testing.T) {
	theSuite.install(t)
	t.Cleanup(func() { os.RemoveAll(theSuite.dir) })
	program := filepath.Join(theSuite.real(), "coracle")
	data, err := os.ReadFile(program)
	check(t, err)
	// The programs embedded are ELF files within it.
	found := 0
	for at := 0; ; {
		n := bytes.Index(data[at:], []byte("\x7fELF\x02\x01\x01"))
		if n < 0 {
			break
		}
		at += n + 1
		f, err := elf.NewFile(bytes.NewReader(data[at-1:]))
		if err != nil || len(f.Progs) == 0 {
			continue // some bytes that look like one
		}
		found++
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("the program at byte %d has an interpreter: CGO_ENABLED=0 was not set", at-1)
			}
		}
		if libs, err := f.ImportedLibraries(); err == nil && len(libs) > 0 {
			t.Errorf("the program at byte %d loads %q", at-1, libs)
		}
	}
	if found == 0 {
		t.Error("no program found in the program")
	}
	t.Log(found, "programs")
}
