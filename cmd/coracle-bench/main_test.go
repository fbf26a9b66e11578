package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain is also the process that measures, when a test starts one.
func TestMain(m *testing.M) {
	if os.Args[0] == workerName || os.Args[0] == netName {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestParse(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil || o.Rounds != 30 || o.Quick || o.JSON || !filepath.IsAbs(o.Coracle) {
		t.Errorf("defaults are %+v, %v", o, err)
	}
	want := options{Coracle: "/x/coracle", Rounds: 7, Quick: true, JSON: true, Only: "crun,podman", Storage: true, Layout: "/y", Net: true}
	got, err := parse([]string{"-coracle", "/x/coracle", "-n", "7", "-quick", "-json", "-only", "crun,podman", "-storage", "-layout", "/y", "-net"}, io.Discard)
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if again, err := parse(got.args(), io.Discard); err != nil || again != got {
		t.Errorf("the worker is told %v and understands %+v, %v", got.args(), again, err)
	}
	for _, args := range [][]string{{"-n", "0"}, {"-n", "x"}, {"extra"}, {"-nothing"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
	if _, err := parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}

func TestAmounts(t *testing.T) {
	full, quick := options{Rounds: 30}.amounts(), options{Rounds: 30, Quick: true}.amounts()
	if full.rounds != 30 || full.stores[len(full.stores)-1] != 1000 || full.batches[1] != (batchSize{100, 3}) {
		t.Errorf("in full: %+v", full)
	}
	if quick.rounds > 5 || quick.stores[len(quick.stores)-1] > 100 {
		t.Errorf("quick: %+v", quick)
	}
	for _, a := range []amounts{options{Rounds: 1}.amounts(), quick} {
		for _, b := range a.batches {
			if b.rounds < 1 {
				t.Errorf("no rounds for %d at once: %+v", b.size, a)
			}
		}
	}
}

func TestNothingToMeasure(t *testing.T) {
	err := run(context.Background(), options{Coracle: "/nowhere/coracle"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("error is %v", err)
	}
}

func TestHostFacts(t *testing.T) {
	if got := cpuModel("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Other\n"); got != "Some CPU @ 2 GHz" {
		t.Errorf("model is %q", got)
	}
	if got := cpuModel("processor\t: 0\nFeatures\t: fp\n"); got != "" {
		t.Errorf("a model without a name is %q", got)
	}
	h := lookAround(t.TempDir())
	if h.Kernel == "" || h.CPUs < 1 || h.Date.IsZero() || len(strings.Fields(h.Before)) != 3 || h.Store == "unknown" {
		t.Errorf("host is %+v", h)
	}
	if got := fileSystem("/nowhere/at/all"); got != "unknown" {
		t.Errorf("nowhere is on %s", got)
	}
}
