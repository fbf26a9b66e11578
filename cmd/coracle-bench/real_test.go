package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// measureReal runs the smallest benchmark of the real program, as make bench
// does it for whoever runs the tests, and returns what it printed.
func measureReal(t *testing.T, o options) []byte {
	t.Helper()
	o.Rounds, o.Quick = 1, true
	o.Coracle = os.Getenv("CORACLE_BIN")
	if o.Coracle == "" {
		var err error
		o.Coracle, err = filepath.Abs("../../bin/coracle")
		check(t, err)
	}
	if _, err := os.Stat(o.Coracle); err != nil {
		t.Skipf("program coracle: %v", err)
	}
	check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	var out bytes.Buffer
	if os.Geteuid() == 0 {
		check(t, testAccount(t).measure(context.Background(), o, &out))
		return out.Bytes()
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	check(t, run(context.Background(), o, &out))
	return out.Bytes()
}

// The command lines, the names of processes and the places on disk that this
// program relies on are those of the real one. No figure is looked at: only
// whether there is one.
func TestRealCoracle(t *testing.T) {
	var r Report
	check(t, json.Unmarshal(measureReal(t, options{JSON: true, Only: "unshare"}), &r))
	if one := find(r.One, "coracle"); one.Rounds != 1 || one.Median == 0 || one.CPU == 0 || one.Gone < one.Median {
		t.Errorf("one run: %+v", one)
	}
	if len(r.Batches) != 1 || find(r.Batches[0].Rows, "coracle").Median == 0 {
		t.Errorf("batches: %+v", r.Batches)
	}
	supervisors := slices.DeleteFunc(slices.Clone(r.Memory), func(m Memory) bool { return m.Process != supervisorName })
	if len(supervisors) != 2 {
		t.Errorf("no supervisors among %+v", r.Memory)
	}
	for _, m := range supervisors {
		if m.Count != m.Running || m.Pss <= 0 || m.Rss < m.Pss || m.Pss < m.Private {
			t.Errorf("supervisors: %+v", m)
		}
	}
	if len(r.Stores) != 2 || r.Stores[1].Size != 100 || r.Stores[1].Warm.Median == 0 || r.Stores[1].Asked.Median == 0 {
		t.Errorf("stores: %+v", r.Stores)
	}
	// unshare may be missing, or refused where it is not coracle's business.
	if i := slices.IndexFunc(r.Peers, func(p Peer) bool { return p.Name == "unshare" }); i != 1 || r.Peers[1].Version == "" && r.Peers[1].Absent == "" {
		t.Errorf("peers: %+v", r.Peers)
	}
	for _, note := range r.Notes {
		if strings.Contains(note, "coracle") {
			t.Errorf("note: %s", note)
		}
	}
	judged := map[string]bool{}
	for _, target := range r.Targets {
		judged[target.Name] = target.Verdict != "not measured"
	}
	if !judged["proportional memory of a supervisor, 5 running"] || !judged["start with 100 images and containers, against 1"] {
		t.Errorf("targets: %+v", r.Targets)
	}
}
