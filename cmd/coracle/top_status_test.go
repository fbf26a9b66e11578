package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"coracle/launcher/processes"
)

func TestTopStatus(t *testing.T) {
	status := "Name:\tx\nGroups:\t4 24 \nCapEff:\t0000000000000021\nSeccomp:\t2\n"
	for key, want := range map[string]string{"Name": "x", "Groups": "4 24", "Seccomp": "2", "Nothing": "", "Cap": ""} {
		if got := topFieldOf(status, key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	for mode, want := range map[string]string{"0": "disabled", "1": "strict", "2": "filter", "": "?", "9": "?"} {
		if got := topSeccomp(mode); got != want {
			t.Errorf("%q: %q, want %q", mode, got, want)
		}
	}
	if topList("4 24 ") != "4,24" || topList("") != "" {
		t.Error("groups")
	}
	me := &processes.Process{HostPID: os.Getpid(), Started: time.Now().Add(-90 * time.Second), Stat: processes.Stat{RSS: 1 << 20}}
	known := topKnown()
	for _, name := range []string{"capamb", "capbnd", "capeff", "capinh", "capprm", "seccomp", "%mem", "start", "lstart"} {
		if got := known[name].show(me, time.Now()); got == "" || strings.HasPrefix(got, "?") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := known["etimes"].show(me, time.Now()); got != "90" {
		t.Errorf("etimes: %q", got)
	}
	gone := &processes.Process{HostPID: 4194304}
	for name, want := range map[string]string{"capeff": "?", "seccomp": "?", "hgroups": "", "label": "?"} {
		if got := known[name].show(gone, time.Now()); got != want {
			t.Errorf("%s of nobody: %q", name, got)
		}
	}
}
