package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// metric is something that is measured of each path.
type metric struct {
	title     string
	unit      string
	kind      string
	streams   int
	published bool // the world calls the guest
}

// Titles that targets are about.
const (
	netOut, netIn       = "out", "in"
	netExchange         = "rr"
	netConnections      = "conn/s"
	netDatagrams        = "UDP out"
	netDatagramsIn      = "UDP in"
	netTo, netFrom      = "to", "from"
	netPublishedBrief   = "published conn/s"
	netPublishedOneByte = "published rr"
)

// metrics are those of every path, in the order of the tables.
func metrics() []metric {
	return []metric{
		{title: netOut, unit: "Gbit/s", kind: tcpSink, streams: 1},
		{title: "out ×4", unit: "Gbit/s", kind: tcpSink, streams: 4},
		{title: netIn, unit: "Gbit/s", kind: tcpSource, streams: 1},
		{title: "in ×4", unit: "Gbit/s", kind: tcpSource, streams: 4},
		{title: netExchange, unit: "µs", kind: tcpEcho, streams: 1},
		{title: netConnections, unit: "1/s", kind: tcpBrief, streams: 4},
		{title: netDatagrams, unit: "1000/s", kind: udpSink, streams: 1},
		{title: netDatagramsIn, unit: "1000/s", kind: udpSource, streams: 1},
		{title: netTo, unit: "Gbit/s", kind: tcpSink, streams: 1, published: true},
		{title: netFrom, unit: "Gbit/s", kind: tcpSource, streams: 1, published: true},
		{title: netPublishedOneByte, unit: "µs", kind: tcpEcho, streams: 1, published: true},
		{title: netPublishedBrief, unit: "1/s", kind: tcpBrief, streams: 4, published: true},
	}
}

// NetSample is one measurement. CPU is of both programs and what is between them,
// in seconds for each GB, where bytes are what counts.
type NetSample struct {
	Value, CPU float64
}

// measure does one measurement, and makes sure that what was sent has arrived.
func (p *netPath) measure(w *netWorld, m metric, d time.Duration) (NetSample, error) {
	server, client := w.host, p.guest
	o := order{Do: "serve", Kind: m.kind, Streams: m.streams}
	if m.published {
		server, client = client, server
		o.Port = guestPort
	}
	served, err := server.do(o)
	if err != nil {
		return NetSample{}, err
	}
	to := fmt.Sprintf("%s:%d", p.host, served.Port)
	if m.published {
		to = p.published
	}
	before := p.helperCPU()
	a, err := client.do(order{Do: "load", Kind: m.kind, To: to, Streams: m.streams, For: d})
	helper := p.helperCPU() - before
	b, err2 := server.do(order{Do: "collect"})
	if err == nil {
		err = err2
	}
	if err == nil {
		err = m.verify(a, b)
	}
	if err != nil {
		return NetSample{}, err
	}
	s := NetSample{Value: m.value(a, b)}
	if m.unit == "Gbit/s" {
		s.CPU = (a.CPU + b.CPU + helper).Seconds() / (float64(a.Bytes) / 1e9)
	}
	return s, nil
}

// verify compares what client and server have counted.
func (m metric) verify(client, server answer) error {
	ok := true
	switch m.kind {
	case tcpSink, tcpSource:
		ok = client.Bytes == server.Bytes && client.Bytes > 0
	case tcpEcho:
		ok = client.Ops > 0
	case tcpBrief:
		ok = client.Ops == server.Ops && client.Ops > 0
	case udpSink:
		ok = server.Ops > 0 && server.Ops <= client.Ops
	case udpSource:
		ok = client.Ops > 0 && client.Ops <= server.Ops
	}
	if !ok {
		return fmt.Errorf("%s: one side counts %d bytes and %d operations, the other %d and %d", m.title, client.Bytes, client.Ops, server.Bytes, server.Ops)
	}
	return nil
}

func (m metric) value(client, server answer) float64 {
	switch m.kind {
	case tcpSink, tcpSource:
		return float64(client.Bytes) * 8 / 1e9 / client.Took.Seconds()
	case tcpEcho:
		return float64(client.Median) / float64(time.Microsecond)
	case tcpBrief:
		return float64(client.Ops) / client.Took.Seconds()
	case udpSink:
		return float64(server.Ops) / 1e3 / client.Took.Seconds()
	}
	return float64(client.Ops) / 1e3 / client.Took.Seconds()
}

// idleConnections is how many there are when the memory of one is measured.
const idleConnections = 1000

// measurePaths is what happens in the world: all paths in turn, forward and
// backward, as for launches.
func measurePaths(ctx context.Context, quick bool, only string) (r *NetReport, err error) {
	n, d := 5, 300*time.Millisecond
	if quick {
		n, d = 1, 20*time.Millisecond
	}
	w, err := newNetWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()
	r = &NetReport{Rounds: n, Each: d, Senders: w.senders}
	var paths []*netPath
	for i, way := range wayList(only) {
		p, err := openPath(w, way.name, way.mtu, i)
		if err != nil && way.name == wayOwn {
			return nil, fmt.Errorf("coracle's stack does not work here: %w", err)
		}
		if err != nil {
			r.Absent = append(r.Absent, NetAbsent{fmt.Sprintf("%s, MTU %d", way.name, way.mtu), oneLine(err)})
			continue
		}
		defer p.close()
		paths = append(paths, p)
		r.Paths = append(r.Paths, NetPath{Name: p.Name, MTU: p.MTU, Samples: make(map[string][]NetSample), Rest: p.helperMemory()})
	}
	for round := range n {
		progress("round %d of %d", round+1, n)
		for turn, m := range inTurn(round, metrics(), len(paths)) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			i := m.path
			s, err := paths[i].measure(w, m.metric, d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w (measurement %d)", paths[i].title(), err, turn)
			}
			r.Paths[i].Samples[m.title] = append(r.Paths[i].Samples[m.title], s)
		}
	}
	for i, p := range paths {
		if r.Paths[i].Loaded = p.helperMemory(); p.helper == nil {
			continue
		}
		if r.Paths[i].Idle, err = p.idle(w); err != nil {
			return nil, fmt.Errorf("%s: %w", p.title(), err)
		}
	}
	return r, nil
}

type way struct {
	name string
	mtu  int
}

// wayList are the paths; the stack's own always take part.
func wayList(only string) (list []way) {
	for _, name := range []string{wayOwn, waySlirp, wayPasta, wayVeth} {
		if name == wayOwn || only == "" || strings.Contains(","+only+",", ","+name+",") || strings.HasPrefix(name, "veth") && strings.Contains(only, "veth") {
			list = append(list, way{name, 1500}, way{name, best})
		}
	}
	return list
}

type turnOf struct {
	metric
	path int
}

// inTurn lets all paths be measured one after the other, backward every second round.
func inTurn(round int, all []metric, paths int) (list []turnOf) {
	for _, m := range all {
		for turn := range paths {
			if round%2 == 1 {
				turn = paths - 1 - turn
			}
			list = append(list, turnOf{m, turn})
		}
	}
	return list
}

// idle is what an idle connection costs the helper, in bytes.
func (p *netPath) idle(w *netWorld) (float64, error) {
	served, err := w.host.do(order{Do: "serve", Kind: tcpHold, Streams: 1})
	if err != nil {
		return 0, err
	}
	before := p.helperMemory()
	a, err := p.guest.do(order{Do: "hold", To: fmt.Sprintf("%s:%d", p.host, served.Port), Streams: idleConnections})
	after := p.helperMemory()
	if err == nil && a.Ops != idleConnections {
		err = fmt.Errorf("%d connections", a.Ops)
	}
	_, err2 := p.guest.do(order{Do: "release"})
	if err == nil {
		err = err2
	}
	if _, err2 = w.host.do(order{Do: "collect"}); err == nil {
		err = err2
	}
	return float64(max(after-before, 0)) / idleConnections, err
}

// measureNet does the part about networks.
func measureNet(ctx context.Context, o options, w *world) (*NetReport, error) {
	host := lookAround(w.Home)
	memory, err := supervisorMemory(ctx, o, w)
	if err != nil {
		return nil, err
	}
	r, err := inWorld(ctx, o)
	if err != nil {
		return nil, err
	}
	r.Host, r.Supervisors = host, memory
	r.Host.After = load()
	r.judge()
	return r, nil
}

// supervisorMemory is that of coracle's process beside a container, without a
// network and with one.
func supervisorMemory(ctx context.Context, o options, w *world) ([]Memory, error) {
	s, err := newSampler()
	if err != nil {
		return nil, err
	}
	defer s.close()
	b := &bench{world: w, sampler: s, layout: w.path("image")}
	if err := w.prepare(); err != nil {
		return nil, fmt.Errorf("cannot prepare: %w", err)
	}
	if _, err := makeLayout(b.layout); err != nil {
		return nil, err
	}
	own := stage{coracle: o.Coracle}.peers()[0]
	if _, err := s.run(w, importArgs(own, b.layout)); err != nil {
		return nil, err
	}
	s.adopt()
	var rows []Memory
	for _, network := range []string{"none", "slirp"} {
		progress("memory of coracle, network %s", network)
		own.command = func(_ string, argv ...string) []string {
			return append([]string{"run", "--rm", "--network", network, imageName}, argv...)
		}
		list, err := s.measureMemory(ctx, w, own, 1, b.id)
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			if m.Process == supervisorName {
				m.Program = network
				rows = append(rows, m)
			}
		}
	}
	return rows, nil
}
