package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		kind           string
		client, server answer
		ok             bool
	}{
		{tcpSink, answer{Bytes: 7}, answer{Bytes: 7}, true},
		{tcpSink, answer{Bytes: 7}, answer{Bytes: 6}, false},
		{tcpSource, answer{}, answer{}, false},
		{tcpEcho, answer{Ops: 1}, answer{}, true},
		{tcpEcho, answer{}, answer{}, false},
		{tcpBrief, answer{Ops: 5}, answer{Ops: 5}, true},
		{tcpBrief, answer{Ops: 5}, answer{Ops: 4}, false},
		{udpSink, answer{Ops: 9}, answer{Ops: 8}, true},
		{udpSink, answer{Ops: 9}, answer{Ops: 10}, false},
		{udpSink, answer{Ops: 9}, answer{}, false},
		{udpSource, answer{Ops: 8}, answer{Ops: 9}, true},
		{udpSource, answer{Ops: 9}, answer{Ops: 8}, false},
	} {
		if err := (metric{kind: c.kind}).verify(c.client, c.server); (err == nil) != c.ok {
			t.Errorf("%s, %+v and %+v: %v", c.kind, c.client, c.server, err)
		}
	}
}

func TestValue(t *testing.T) {
	a := answer{Bytes: 1e9, Ops: 3000, Took: 2 * time.Second, Median: 25 * time.Microsecond}
	for kind, want := range map[string]float64{tcpSink: 4, tcpSource: 4, tcpEcho: 25, tcpBrief: 1500, udpSink: 1, udpSource: 1.5} {
		if got := (metric{kind: kind}).value(a, answer{Ops: 2000}); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
}

func TestInTurn(t *testing.T) {
	var order []int
	for round := range 2 {
		for _, turn := range inTurn(round, metrics()[:2], 3) {
			order = append(order, turn.path)
		}
	}
	if want := []int{0, 1, 2, 0, 1, 2, 2, 1, 0, 2, 1, 0}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

func TestWays(t *testing.T) {
	if n := len(wayList("")); n != 8 {
		t.Errorf("%d ways", n)
	}
	if list := wayList("pasta"); len(list) != 4 || list[0].name != wayOwn || list[2].name != wayPasta {
		t.Errorf("%+v", list)
	}
	if list := wayList("none"); len(list) != 2 {
		t.Errorf("%+v", list)
	}
}

// TestLoads has each kind of load between two agents without anything in between.
func TestLoads(t *testing.T) {
	var server, client worker
	for _, m := range metrics() {
		served, err := server.follow(order{Do: "serve", Kind: m.kind, Streams: m.streams})
		check(t, err)
		a, err := client.follow(order{Do: "load", Kind: m.kind, To: "127.0.0.1:" + digitsOf(served.Port), Streams: m.streams, For: 10 * time.Millisecond})
		check(t, err)
		b, err := server.follow(order{Do: "collect"})
		check(t, err)
		if err := m.verify(a, b); err != nil {
			t.Error(err)
		}
		if v := m.value(a, b); v <= 0 {
			t.Errorf("%s: %v", m.title, v)
		}
	}
	served, err := server.follow(order{Do: "serve", Kind: tcpHold})
	check(t, err)
	if a, err := client.follow(order{Do: "hold", To: "127.0.0.1:" + digitsOf(served.Port), Streams: 20}); err != nil || a.Ops != 20 {
		t.Errorf("%+v, %v", a, err)
	}
	_, err = client.follow(order{Do: "release"})
	check(t, err)
	_, err = server.follow(order{Do: "collect"})
	check(t, err)
	if _, err := client.follow(order{Do: "load", Kind: tcpSink, To: "127.0.0.1:" + digitsOf(served.Port)}); err == nil {
		t.Error("a server that is gone was called")
	}
	for _, o := range []order{{Do: "nothing"}, {Do: "run", Argv: []string{"false"}}} {
		if _, err := client.follow(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

func digitsOf(port uint16) string {
	b, _ := json.Marshal(port)
	return string(b)
}

// sampleReport has coracle at 10 of everything, and the others as they come.
func sampleReport() *NetReport {
	fill := func(name string, mtu int, value, cpu float64) NetPath {
		p := NetPath{Name: name, MTU: mtu, Samples: make(map[string][]NetSample), Rest: 3e6, Loaded: 4e6, Idle: 2048}
		for _, m := range metrics() {
			p.Samples[m.title] = []NetSample{{value - 1, cpu}, {value, cpu}, {value + 1, cpu}}
		}
		return p
	}
	return &NetReport{
		Paths: []NetPath{
			fill(wayOwn, 1500, 10, 0.5), fill(wayOwn, best, 99, 9), fill(waySlirp, 1500, 1, 8), fill(waySlirp, best, 4, 2), fill(wayVeth, 1500, 40, 0.2),
		},
		Absent:      []NetAbsent{{"pasta, MTU 1500", "not installed"}},
		Supervisors: []Memory{{Program: "none", Rss: 7, Private: 1}, {Program: "slirp", Rss: 8.5, Private: 2}},
	}
}

func TestNetTargets(t *testing.T) {
	r := sampleReport()
	r.judge()
	got := make(map[string]Target)
	for _, target := range r.Targets {
		got[target.Name] = target
	}
	for name, want := range map[string]struct {
		value   float64
		verdict string
	}{
		"out, against slirp4netns":                  {2.5, "met"},
		"out, against pasta":                        {0, "not measured"},
		"in, against veth, rootful":                 {0.25, "missed by 0.25 ×"},
		"request and response, against slirp4netns": {10, "missed by 9.00 ×"}, // of 1 µs at its best
		"CPU for each GB, against slirp4netns":      {0.25, "met"},
		"memory of the network, at rest":            {1.5, "met"},
		"memory of an idle connection":              {2, "met"},
	} {
		if target := got[name]; target.Value != want.value || target.Verdict != want.verdict {
			t.Errorf("%s: %+v, want %+v", name, target, want)
		}
	}
	var b bytes.Buffer
	check(t, r.write(&b))
	for _, want := range []string{
		"pasta, MTU 1500  takes no part: not installed", "user network     takes no part", "missed by 0.25 ×",
		"supervisor, --network slirp: 8.50 MB resident", "published conn/s",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing from\n%s", want, b.String())
		}
	}
}

// TestRealNetwork measures the real stack, and looks at no figure.
func TestRealNetwork(t *testing.T) {
	if !tunUsable() {
		t.Skip("tun: nobody may open /dev/net/tun")
	}
	var r NetReport
	check(t, json.Unmarshal(measureReal(t, options{JSON: true, Net: true, Only: "veth"}), &r))
	if len(r.Paths) != 4 || len(r.Supervisors) != 2 {
		t.Fatalf("paths %+v, supervisors %+v", r.Paths, r.Supervisors)
	}
	for _, p := range r.Paths {
		for _, m := range metrics() {
			if p.value(m.title) <= 0 {
				t.Errorf("%s, MTU %d: no %s", p.Name, p.MTU, m.title)
			}
		}
		if own := p.Name == wayOwn; own != (p.Rest > 0) || own != (p.Loaded > 0) {
			t.Errorf("%s: memory %d, %d", p.Name, p.Rest, p.Loaded)
		}
	}
}

func tunUsable() bool {
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	return err == nil
}
