package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// NetReport is everything that was measured of networks. It is also what -json
// prints.
type NetReport struct {
	Host        Host          `json:"host"`
	Rounds      int           `json:"rounds"`
	Each        time.Duration `json:"each_ns"` // how long one measurement takes
	Senders     string        `json:"congestion_control"`
	Paths       []NetPath     `json:"paths"`
	Absent      []NetAbsent   `json:"absent,omitempty"`
	Supervisors []Memory      `json:"supervisors"`
	Targets     []Target      `json:"targets"`
}

// NetPath is a way between two network namespaces.
type NetPath struct {
	Name    string                 `json:"name"`
	MTU     int                    `json:"mtu"`
	Samples map[string][]NetSample `json:"samples"`
	// Rest and Loaded are what the helper has in memory, before and after all that,
	// in bytes; Idle what one idle connection adds.
	Rest   int64   `json:"rest_bytes"`
	Loaded int64   `json:"loaded_bytes"`
	Idle   float64 `json:"idle_connection_bytes"`
}

// NetAbsent is a path that takes no part, and why.
type NetAbsent struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// value is the median of a metric, 0 when it was not measured.
func (p *NetPath) value(title string) float64 {
	var values []float64
	for _, s := range p.Samples[title] {
		values = append(values, s.Value)
	}
	return median(values)
}

// cpu is the median of the seconds for each GB, of several metrics together.
func (p *NetPath) cpu(titles ...string) float64 {
	var values []float64
	for _, title := range titles {
		for _, s := range p.Samples[title] {
			values = append(values, s.CPU)
		}
	}
	return median(values)
}

// path finds one, an empty one when it was not measured.
func (r *NetReport) path(name string, mtu int) *NetPath {
	for i := range r.Paths {
		if r.Paths[i].Name == name && r.Paths[i].MTU == mtu {
			return &r.Paths[i]
		}
	}
	return new(NetPath)
}

// bestOf is what a program does at its best MTU: the greatest value, or the least.
func (r *NetReport) bestOf(name string, least bool, value func(*NetPath) float64) (found float64) {
	for i := range r.Paths {
		if p := &r.Paths[i]; p.Name == name {
			if v := value(p); found == 0 || v > 0 && (v < found) == least {
				found = v
			}
		}
	}
	return found
}

// ownMTU is the default of coracle's stack, which the targets are about.
const ownMTU = 1500

// judge fills the targets in.
func (r *NetReport) judge() {
	own := r.path(wayOwn, ownMTU)
	more := func(title, than string, limit, stretch float64) {
		value := ratio(own.value(title), r.bestOf(than, false, func(p *NetPath) float64 { return p.value(title) }))
		r.Targets = append(r.Targets, Target{Name: title + ", against " + than, Value: value, Unit: "×", Limit: limit, Stretch: stretch, AtLeast: true}.judge())
	}
	less := func(title, than string, limit float64, value func(*NetPath) float64) {
		r.Targets = append(r.Targets, Target{Name: title + ", against " + than, Value: ratio(value(own), r.bestOf(than, true, value)), Unit: "×", Limit: limit}.judge())
	}
	for _, title := range []string{netOut, netIn} {
		more(title, waySlirp, 2, 0)
		more(title, wayPasta, 2, 0)
		more(title, wayVeth, 0.5, 0.65)
	}
	less("request and response", waySlirp, 1, func(p *NetPath) float64 { return p.value(netExchange) })
	more(netConnections, waySlirp, 1.2, 0)
	less("CPU for each GB", waySlirp, 0.5, func(p *NetPath) float64 { return p.cpu(netOut, netIn) })
	more(netDatagrams, wayPasta, 1.5, 0)
	more(netDatagramsIn, wayPasta, 1.5, 0)
	for _, title := range []string{netTo, netFrom} {
		more(title, wayPasta, 1.1, 0)
	}
	more(netPublishedBrief, wayPasta, 1.2, 0)
	r.Targets = append(r.Targets,
		Target{Name: "memory of the network, at rest", Value: r.networkMemory(), Unit: "MB", Limit: 10}.judge(),
		Target{Name: "memory of an idle connection", Value: own.Idle / 1024, Unit: "KiB", Limit: 64}.judge())
}

// networkMemory is what a supervisor with a network has more than one without, in MB.
func (r *NetReport) networkMemory() (n float64) {
	for _, m := range r.Supervisors {
		if m.Program == "none" {
			n -= m.Rss
		} else {
			n += m.Rss
		}
	}
	return n
}

// write prints the report for people.
func (r *NetReport) write(w io.Writer) error {
	p := &printer{w: w}
	h := r.Host
	p.line("coracle-bench -net, %s", h.Date.Format("2006-01-02 15:04 -0700"))
	facts := &table{align: "ll"}
	facts.add("machine", fmt.Sprintf("Linux %s %s, %d CPUs %s", h.Kernel, h.Arch, h.CPUs, h.CPU))
	facts.add("load", fmt.Sprintf("%s before, %s after", h.Before, h.After))
	facts.add("how", fmt.Sprintf("medians of %d rounds of %s, senders use %s", r.Rounds, r.Each, r.Senders))
	for _, a := range r.Absent {
		facts.add(a.Name, "takes no part: "+a.Why)
	}
	facts.add("user network", "takes no part: between two containers there is only the kernel, as on the rows of veth")
	p.table(facts)
	p.line("\nfrom the container outward; throughput in Gbit/s, rr in µs (median), UDP in 1000 datagrams of %d bytes a second", datagramSize)
	r.section(p, false)
	p.line("\nto a published port of the container")
	r.section(p, true)
	r.memory(p)
	p.targets(r.Targets)
	return p.err
}

// section is a table of metrics.
func (r *NetReport) section(p *printer, published bool) {
	head := []string{"", "MTU"}
	var titles, bytes []string
	for _, m := range metrics() {
		if m.published != published {
			continue
		}
		titles = append(titles, m.title)
		head = append(head, m.title)
		if m.unit == "Gbit/s" && m.streams == 1 {
			bytes = append(bytes, m.title)
		}
	}
	t := &table{align: "l" + strings.Repeat("r", len(head))}
	t.add(append(head, "CPU s/GB")...)
	for i := range r.Paths {
		path := &r.Paths[i]
		row := []string{path.Name, fmt.Sprint(path.MTU)}
		for _, title := range titles {
			row = append(row, digits(path.value(title)))
		}
		t.add(append(row, digits(path.cpu(bytes...)))...)
	}
	p.table(t)
}

func (r *NetReport) memory(p *printer) {
	p.line("\nresident memory: of the helper (MB), and of each of %d idle connections (KiB)", idleConnections)
	t := &table{align: "lrrrr"}
	t.add("", "MTU", "at rest", "after all that", "idle connection")
	for _, path := range r.Paths {
		if path.Rest > 0 {
			t.add(path.Name, fmt.Sprint(path.MTU), digits(megabytes(path.Rest)), digits(megabytes(path.Loaded)), digits(path.Idle/1024))
		}
	}
	p.table(t)
	for _, m := range r.Supervisors {
		p.line("coracle's supervisor, --network %s: %s MB resident, %s private", m.Program, digits(m.Rss), digits(m.Private))
	}
}
