package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shellPeer runs a script instead of a container program.
func shellPeer(t *testing.T, name, script string) peer {
	sh := shell(t, script)
	return peer{name: name, program: sh[0], version: []string{"-c", "echo 1"}, command: func(string, ...string) []string { return sh[1:] }}
}

func testBench(t *testing.T) *bench {
	s, w := testSampler(t)
	check(t, w.prepare())
	return &bench{world: w, sampler: s}
}

// A peer that is missing or fails is left out and named; the others go on.
func TestWarmUp(t *testing.T) {
	b := testBench(t)
	report, err := b.warmUp(context.Background(), []peer{
		shellPeer(t, "coracle", "true"), {name: "absent", program: "no-such-program-anywhere"},
		shellPeer(t, "broken", "echo it cannot >&2; exit 1"), shellPeer(t, "fine", "true"),
	})
	check(t, err)
	if len(b.peers) != 2 || b.coracle().name != "coracle" || b.peers[1].name != "fine" {
		t.Errorf("peers are %v", b.peers)
	}
	if len(report) != 4 || report[1].Absent != "not installed" || !strings.Contains(report[2].Absent, "it cannot") || report[3].Version != "1" {
		t.Errorf("report is %+v", report)
	}
}

// What podman's first run leaves is waited for no more, and said.
func TestWarmUpKeeper(t *testing.T) {
	b := testBench(t)
	b.sampler.patience = 300 * time.Millisecond
	p := shellPeer(t, "podman", "[ -e there ] || { echo >there; sleep 600 & }")
	if _, err := b.warmUp(context.Background(), []peer{shellPeer(t, "coracle", "true"), p}); err != nil || len(b.peers) != 2 {
		t.Errorf("peers are %v, %v", b.peers, err)
	}
	if len(b.sampler.keepers) != 1 || len(b.notes) != 1 || !strings.Contains(b.notes[0], "sleep") {
		t.Errorf("keepers %v, notes %q", b.sampler.keepers, b.notes)
	}
}

func TestWarmUpNeedsCoracle(t *testing.T) {
	b := testBench(t)
	if _, err := b.warmUp(context.Background(), []peer{shellPeer(t, "coracle", "exit 1")}); err == nil {
		t.Error("nothing was to be measured, and no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.warmUp(ctx, []peer{shellPeer(t, "coracle", "true")}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestBenchRounds(t *testing.T) {
	b := testBench(t)
	peers := []peer{shellPeer(t, "coracle", "echo x >>ran"), shellPeer(t, "late", "[ ! -e late ] && echo >late")}
	rows, err := b.rounds(context.Background(), 2, 3, peers[:1])
	check(t, err)
	if len(rows) != 1 || rows[0].Rounds != 2 || rows[0].Ratio != 1 {
		t.Errorf("rows are %+v", rows)
	}
	if ran, err := os.ReadFile(b.world.path("ran")); err != nil || len(ran) != 2*2*3 {
		t.Errorf("2 rounds of 3 ran %d times, %v", len(ran)/2, err)
	}
	rows, err = b.rounds(context.Background(), 2, 1, peers)
	if err != nil || len(rows) != 1 || len(b.notes) != 1 || !strings.Contains(b.notes[0], "late, 1 at once: left out after 1 rounds") {
		t.Errorf("rows %+v, %v, notes %q", rows, err, b.notes)
	}
	if _, err := b.rounds(context.Background(), 1, 1, []peer{shellPeer(t, "coracle", "false")}); err == nil {
		t.Error("coracle failed, and no error")
	}
}

func TestIDsDiffer(t *testing.T) {
	b := &bench{}
	if one, two := b.id(), b.id(); one == two {
		t.Errorf("%s twice", one)
	}
}

// fakeCoracle is a peer that does of coracle what the benchmark can tell: an
// import leaves a store of one image, a start a record, sleep sleeps.
func fakeCoracle(t *testing.T) peer {
	dir := t.TempDir()
	path := filepath.Join(dir, "coracle")
	check(t, os.WriteFile(path, []byte(`#!/bin/sh
data=$HOME/.local/share images=$HOME/.local/share/containers/storage/overlay-images
case "$*" in
*oci:*) mkdir -p $images/be1d && echo '`+oneImage+`' >$images/images.json ;;
*sleep*) sleep 600; exit 0 ;;
esac
[ -e $images/images.json ] || exit 5
[ -e $data/coracle/records ] || { mkdir -p $data/coracle/records; echo asked >>$HOME/log; exit 0; }
echo warm >>$HOME/log
`), 0o755))
	p := stage{coracle: path}.peers()[0]
	return p
}

func TestMeasureAll(t *testing.T) {
	b := testBench(t)
	b.layout = "/somewhere"
	twice := shellPeer(t, "twice", "exit 0")
	_, err := b.warmUp(context.Background(), []peer{fakeCoracle(t), twice})
	check(t, err)
	r := &Report{}
	a := amounts{rounds: 3, batches: []batchSize{{2, 1}, {4, 2}}, running: []int{1, 2}, stores: []int{1, 5}}
	check(t, b.measureAll(context.Background(), a, r))
	if len(r.One) != 2 || r.One[0].Name != "coracle" || r.One[0].Rounds != 3 {
		t.Errorf("one at once: %+v", r.One)
	}
	if len(r.Batches) != 2 || r.Batches[1].Size != 4 || r.Batches[1].Rows[0].Rounds != 2 || len(r.Batches[1].Rows) != 1 {
		t.Errorf("batches: %+v", r.Batches)
	}
	if len(r.Memory) != 2 || r.Memory[1].Running != 2 || r.Memory[1].Count != 2 {
		t.Errorf("memory: %+v", r.Memory)
	}
	if len(r.Stores) != 2 || r.Stores[1].Size != 5 || r.Stores[1].Warm.Rounds != 3 || r.Stores[1].Asked.Rounds != 2 {
		t.Errorf("stores: %+v", r.Stores)
	}
	if len(b.notes) != 0 {
		t.Errorf("notes: %q", b.notes)
	}
	// The import asks too; then every forgotten record; then none.
	log, err := os.ReadFile(b.world.path("store-5", "log"))
	if want := "asked\nasked\nasked\nwarm\nwarm\nwarm\n"; err != nil || string(log) != want {
		t.Errorf("the starts were %q, %v, want %q", log, err, want)
	}
}

// A start that fails in a full store is a note, not the end of the benchmark.
func TestMeasureStoresFailure(t *testing.T) {
	b := testBench(t)
	p := fakeCoracle(t)
	script, err := os.ReadFile(p.program)
	check(t, err)
	full := strings.Replace(string(script), "[ -e", "case $(wc -c <$images/images.json) in ????*) echo too many >&2; exit 9;; esac; [ -e", 1)
	check(t, os.WriteFile(p.program, []byte(full), 0o755))
	b.peers = []peer{p}
	stores, err := b.measureStores(context.Background(), 2, []int{1, 50})
	check(t, err)
	if len(stores) != 1 || stores[0].Size != 1 || len(b.notes) != 1 || !strings.Contains(b.notes[0], "start with 50 images and containers") || !strings.Contains(b.notes[0], "too many") {
		t.Errorf("stores %+v, notes %q", stores, b.notes)
	}
}
