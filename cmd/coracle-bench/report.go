package main

import (
	"fmt"
	"io"
	"slices"
)

// Report is everything that was measured. It is also what -json prints.
type Report struct {
	Host    Host     `json:"host"`
	Image   string   `json:"image"`
	Peers   []Peer   `json:"peers"`
	One     []Row    `json:"one"`
	Batches []Batch  `json:"batches"`
	Memory  []Memory `json:"memory"`
	Stores  []Store  `json:"stores"`
	Life    *Life    `json:"life,omitempty"`
	Targets []Target `json:"targets"`
	Notes   []string `json:"notes,omitempty"`
}

// Peer is a program and its version, or why it takes no part.
type Peer struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Absent  string `json:"absent,omitempty"`
}

// Row is one program's times. Ratio is its median by coracle's.
type Row struct {
	Name string `json:"name"`
	Summary
	Ratio float64 `json:"ratio_to_coracle"`
}

// Batch is many runs at once: times are of all together.
type Batch struct {
	Size int   `json:"size"`
	Rows []Row `json:"rows"`
}

// rowsOf sums up series; coracle's is among them. What failed has no row.
func rowsOf(all []series) []Row {
	var rows []Row
	for _, s := range all {
		if s.err == nil {
			rows = append(rows, Row{Name: s.name, Summary: summarize(s.samples)})
		}
	}
	coracle := find(rows, "coracle").Median
	for i := range rows {
		rows[i].Ratio = ratio(rows[i].Median, coracle)
	}
	return rows
}

// find is the row of a program, empty when there is none.
func find(rows []Row, name string) Row {
	if i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name }); i >= 0 {
		return rows[i]
	}
	return Row{}
}

// write prints the report for people.
func (r *Report) write(w io.Writer) error {
	p := &printer{w: w}
	h := r.Host
	p.line("coracle-bench, %s", h.Date.Format("2006-01-02 15:04 -0700"))
	facts := &table{align: "ll"}
	facts.add("machine", fmt.Sprintf("Linux %s %s, %d CPUs %s", h.Kernel, h.Arch, h.CPUs, h.CPU))
	facts.add("load", fmt.Sprintf("%s before, %s after", h.Before, h.After))
	facts.add("image", fmt.Sprintf("%s, on %s", r.Image, h.Store))
	for _, peer := range r.Peers {
		if peer.Absent != "" {
			facts.add(peer.Name, "takes no part: "+peer.Absent)
		} else {
			facts.add(peer.Name, peer.Version)
		}
	}
	p.table(facts)
	p.times("one run of true, warm store, no network", r.One)
	for _, b := range r.Batches {
		p.times(fmt.Sprintf("%d at once, until the last has answered", b.Size), b.Rows)
	}
	p.memory(r.Memory)
	p.stores(r.Stores)
	p.life(r.Life)
	p.targets(r.Targets)
	if len(r.Notes) > 0 {
		p.line("\nnotes")
	}
	for _, note := range r.Notes {
		p.line("  %s", note)
	}
	return p.err
}

// printer remembers the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) table(t *table) {
	if p.err == nil {
		p.err = t.write(p.w)
	}
}

func (p *printer) times(title string, rows []Row) {
	if len(rows) == 0 {
		return
	}
	p.line("\n%s (ms, %d rounds)", title, rows[0].Rounds)
	t := &table{align: "lrrrrr"}
	t.add("", "median", "min", "gone", "cpu", "to coracle")
	for _, r := range rows {
		t.add(r.Name, digits(r.Median), digits(r.Min), digits(r.Gone), digits(r.CPU), times(r.Ratio))
	}
	p.table(t)
}

func (p *printer) memory(rows []Memory) {
	if len(rows) == 0 {
		return
	}
	p.line("\nmemory for each running container (MB)")
	t := &table{align: "llrrrr"}
	t.add("", "process", "running", "resident", "proportional", "private")
	for _, m := range rows {
		process := m.Process
		if m.Count != m.Running {
			process = fmt.Sprintf("%s (%d)", process, m.Count)
		}
		t.add(m.Program, process, fmt.Sprint(m.Running), digits(m.Rss), digits(m.Pss), digits(m.Private))
	}
	p.table(t)
}

func (p *printer) stores(all []Store) {
	if len(all) == 0 {
		return
	}
	p.line("\ncoracle's start with so many images and as many stopped containers (ms, %d rounds; %d with the engine)",
		all[0].Warm.Rounds, all[0].Asked.Rounds)
	t := &table{align: "rrrrrrrr"}
	t.add("", "median", "min", "gone", "cpu", "to first", "engine asked", "min")
	for _, s := range all {
		t.add(fmt.Sprint(s.Size), digits(s.Warm.Median), digits(s.Warm.Min), digits(s.Warm.Gone), digits(s.Warm.CPU),
			times(ratio(s.Warm.Median, all[0].Warm.Median)), digits(s.Asked.Median), digits(s.Asked.Min))
	}
	p.table(t)
}

func (p *printer) targets(all []Target) {
	p.line("\ntargets")
	t := &table{align: "lrrll"}
	for _, target := range all {
		value, further := "-", ""
		if target.Value != 0 {
			value = digits(target.Value) + " " + target.Unit
		}
		if target.Further != "" {
			further = fmt.Sprintf("stretch %g %s: %s", target.Stretch, target.Unit, target.Further)
		}
		t.add(target.Name, value, target.wanted(), target.Verdict, further)
	}
	p.table(t)
}
