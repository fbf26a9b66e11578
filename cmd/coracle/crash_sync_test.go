package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A power cut cannot be had in a test, but what it depends on can be seen: that
// data is on the disk before the record that names it.
func TestCrashSync(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: a tracer that is not root takes newuidmap's privilege")
	}
	theSuite.install(t)
	w := newCrashWorld(t)
	w.images()
	program := filepath.Join(theSuite.real(), "coracle")
	calls := func(line string) []string {
		result := w.trace(traceJob{Argv: append([]string{program}, w.line(line)...), List: true})
		if result.Status != 0 {
			t.Fatalf("%s: status %d\n%s", line, result.Status, result.Output)
		}
		return result.List
	}

	pull := calls("pull -q oci:img")
	layers, image := at(pull, "renameat", ".tmp-layers.json"), at(pull, "renameat", ".tmp-images.json")
	holds, all := at(pull, "fsync", "incoming/layers"), at(pull, "syncfs", "/overlay")
	switch {
	case layers < 0 || image < 0:
		t.Errorf("the store's records are not renamed:\n%s", strings.Join(pull, "\n"))
	case holds < 0 || holds > layers:
		t.Errorf("what would sweep the layers is not on the disk (call %d) before they are (call %d)", holds, layers)
	case all < layers || all > image:
		t.Errorf("the layers (call %d) are not on the disk (call %d) before the image is (call %d)", layers, all, image)
	}
	synced := map[string]bool{}
	for _, c := range pull {
		name, arg, _ := strings.Cut(strings.TrimSuffix(c, ")"), "(")
		switch base := filepath.Base(arg); {
		case name == "fdatasync" || name == "fsync":
			synced[base] = true
		case strings.HasPrefix(name, "rename") && strings.HasPrefix(base, ".tmp-") && !strings.HasPrefix(base, ".tmp-mountpoints") && !synced[base]:
			t.Errorf("%s is renamed before it is on the disk", arg)
		}
	}

	// A kept container's facts: the start does not wait for the disk, but they get there.
	run := calls("run --name box -v @busybox:/busybox:ro oci:img /busybox true")
	for _, fact := range []string{"intent.json", "spec.json"} {
		if at(run, "fsync", "/"+fact) < at(run, "renameat", fact) {
			t.Errorf("%s is never synced:\n%s", fact, strings.Join(run, "\n"))
		}
	}
}

// at is the number of the first call of a kind with something in its argument, -1
// if there is none.
func at(calls []string, name, arg string) int {
	return slices.IndexFunc(calls, func(c string) bool { return strings.HasPrefix(c, name) && strings.Contains(c, arg) })
}
