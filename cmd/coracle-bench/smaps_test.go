package main

import (
	"os"
	"strings"
	"testing"
)

// rollup is smaps_rollup of a supervisor on Linux 6.18.
const rollup = `00400000-7ffd2c5c9000 ---p 00000000 00:00 0                              [rollup]
Rss:                5372 kB
Pss:                3208 kB
Pss_Dirty:          1052 kB
Pss_Anon:           1052 kB
Pss_File:           2156 kB
Pss_Shmem:             0 kB
Shared_Clean:       4320 kB
Shared_Dirty:          0 kB
Private_Clean:         8 kB
Private_Dirty:      1052 kB
Referenced:         5372 kB
Anonymous:          1052 kB
Swap:                  0 kB
Locked:                0 kB
`

func TestParseSmaps(t *testing.T) {
	got, err := parseSmaps(rollup)
	if want := (memory{Rss: 5372 << 10, Pss: 3208 << 10, Private: 1060 << 10}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for name, text := range map[string]string{
		"nothing":        "",
		"a line is gone": strings.Replace(rollup, "Pss: ", "Pxx: ", 1),
		"no unit":        strings.Replace(rollup, "5372 kB", "5372", 1),
		"another unit":   strings.Replace(rollup, "5372 kB", "5372 MB", 1),
		"no number":      strings.Replace(rollup, "5372", "many", 1),
		"negative":       strings.Replace(rollup, "5372", "-372", 1),
		"too large":      strings.Replace(rollup, "5372", "99999999999999999", 1),
	} {
		if m, err := parseSmaps(text); err == nil {
			t.Errorf("%s: parsed as %+v", name, m)
		}
	}
}

func TestReadMemory(t *testing.T) {
	m, err := readMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if m.Pss <= 0 || m.Rss < m.Pss || m.Pss < m.Private {
		t.Errorf("memory of this process: %+v", m)
	}
	if _, err := readMemory(-1); err == nil {
		t.Error("process -1 has memory")
	}
}

func FuzzParseSmaps(f *testing.F) {
	f.Add(rollup)
	f.Add("Rss: 1 kB\nPss: 1 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 1 kB")
	f.Add("Rss:\nRss: kB")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseSmaps(text)
		if err == nil && !strings.Contains(text, "Pss:") {
			t.Errorf("%q parsed as %+v", text, m)
		}
	})
}
