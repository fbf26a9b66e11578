package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestShare(t *testing.T) {
	got := share("bwrap", 2, []weight{
		{"outer", memory{Rss: 1e6, Pss: 4e5, Private: 2e5}},
		{"inner", memory{Rss: 2e6, Pss: 1e6, Private: 1e6}},
		{"outer", memory{Rss: 3e6, Pss: 6e5, Private: 0}},
		{"inner", memory{Rss: 2e6, Pss: 1e6, Private: 1e6}},
	})
	want := []Memory{{"bwrap", "inner", 2, 2, 2, 1, 1}, {"bwrap", "outer", 2, 2, 2, 0.5, 0.1}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := share("x", 1, nil); got != nil {
		t.Errorf("of nothing: %+v", got)
	}
}

// A shell that waits for sleep stands for a container program.
func TestMeasureMemory(t *testing.T) {
	s, w := testSampler(t)
	p := peer{name: "sh", program: shell(t, "")[0], command: func(_ string, argv ...string) []string {
		return []string{"-c", `"$@"; :`, "sh", argv[0], argv[1]}
	}}
	rows, err := s.measureMemory(context.Background(), w, p, 2, func() string { return "" })
	check(t, err)
	if len(rows) != 1 || rows[0].Process != "sh" || rows[0].Count != 2 || rows[0].Pss <= 0 {
		t.Errorf("rows are %+v", rows)
	}
	if left := s.left(); left != "" {
		t.Errorf("left are %s", left)
	}
}

// What does not start is told, with its own words, and nothing stays.
func TestMeasureMemoryInterrupted(t *testing.T) {
	s, w := testSampler(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fifo := filepath.Join(w.Home, "never")
	check(t, os.WriteFile(fifo, nil, 0o600))
	p := peer{name: "tail", program: shell(t, "")[0], command: func(string, ...string) []string { return []string{"-c", "exec tail -f " + fifo} }}
	if _, err := s.measureMemory(ctx, w, p, 1, func() string { return "" }); err == nil {
		t.Error("no error")
	}
	if left := s.left(); left != "" {
		t.Errorf("left are %s", left)
	}
}
