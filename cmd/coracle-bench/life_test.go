package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSwitches(t *testing.T) {
	for text, want := range map[string]int64{
		"Name:\tx\nvoluntary_ctxt_switches:\t42\nnonvoluntary_ctxt_switches:\t7\n": 42, "": 0, "voluntary_ctxt_switches:\tx\n": 0, "voluntary_ctxt_switches:\t-3\n": 0,
	} {
		if got := switches(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestLifers(t *testing.T) {
	b := &bench{peers: []peer{{name: "coracle", program: "/c"}, {name: "podman", program: "/p"}, {name: "crun", program: "/r"}, {name: "crun unfiltered", program: "/r"}, {name: "bwrap", program: "/b"}}}
	all := b.lifers("/bundles")
	var lines []string
	for _, x := range all {
		lines = append(lines, strings.Join(x.run("n", "sleep", "1"), " "), strings.Join(x.exec("n"), " "))
	}
	want := []string{
		"/c run -d --name n --network none " + imageName + " sleep 1", "/c exec n true",
		"/p run -d --name n --network none " + imageName + " sleep 1", "/p exec n true",
		"/r --cgroup-manager=disabled run --detach --bundle /bundles/sleep n", "/r --cgroup-manager=disabled exec n true",
		"/r --cgroup-manager=disabled run --detach --bundle /bundles/plain-sleep n", "/r --cgroup-manager=disabled exec n true",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
	if all[0].logs == nil || all[2].logs != nil || all[2].ps != nil {
		t.Error("crun has no logs and no list")
	}
}

func TestLifeTargets(t *testing.T) {
	row := func(name string, ms float64) Row { return Row{Name: name, Summary: Summary{Median: ms}} }
	l := &Life{Exec: []Row{row("coracle", 4), row("crun", 5), row("podman", 40)}}
	got := l.lifeTargets()
	if len(got) != 2 || got[0].Value != 0.8 || got[1].Value != 10 || got[0].judge().Verdict != "met" {
		t.Errorf("%+v", got)
	}
	if (*Life)(nil).lifeTargets() != nil {
		t.Error("targets of nothing")
	}
	var b strings.Builder
	p := &printer{w: &b}
	l.Rest = []Rest{{Program: "coracle", Running: 100, Pss: 1.5, Wakeups: 0.5}}
	p.life(l)
	p.life(nil)
	for _, want := range []string{"exec true in a running container", "wake-ups/s", "coracle"} {
		if p.err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s, %v", want, b.String(), p.err)
		}
	}
}
