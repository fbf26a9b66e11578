package main

import (
	"fmt"
	"io"
)

// StorageReport is everything that was measured of storage. It is also what
// -json prints.
type StorageReport struct {
	Host    Host       `json:"host"`
	Image   ImageFacts `json:"image"`
	Peers   []Peer     `json:"peers"`
	Steps   []Step     `json:"steps"`
	Peaks   []Peak     `json:"peaks"`
	Targets []Target   `json:"targets"`
	Notes   []string   `json:"notes,omitempty"`
}

// Step is what all programs took for the same thing.
type Step struct {
	Title string `json:"title"`
	Rows  []Row  `json:"rows"`
}

// take sums up the journeys.
func (r *StorageReport) take(t *tracks, all []journey) {
	for _, title := range stepTitles() {
		var list []series
		for _, j := range all {
			if samples := t.samples[title][j.name]; len(samples) > 0 {
				list = append(list, series{name: j.name, samples: samples})
			}
		}
		r.Steps = append(r.Steps, Step{Title: title, Rows: rowsOf(list)})
	}
}

// median is a program's median of a step; 0 when it was not measured.
func (r *StorageReport) median(title, name string) float64 {
	for _, s := range r.Steps {
		if s.Title == title {
			return find(s.Rows, name).Median
		}
	}
	return 0
}

// targets judges the report.
func (r *StorageReport) targets() []Target {
	faster := func(title, than string) float64 { return ratio(r.median(title, than), r.median(title, "coracle")) }
	list := []Target{
		{Name: "cold pull, faster than podman", Value: faster(stepPull, "podman"), Unit: "×", Limit: 2, AtLeast: true},
		{Name: "cold pull, against download and tar -x", Value: ratio(r.median(stepPull, "coracle"), r.median(stepPull, downloadName)), Unit: "×", Limit: 1.5},
		{Name: "layers present, faster than podman", Value: faster(stepPresent, "podman"), Unit: "×", Limit: 10, AtLeast: true},
		{Name: "image present, faster than podman", Value: faster(stepAgain, "podman"), Unit: "×", Limit: 10, AtLeast: true},
		{Name: fmt.Sprintf("images, with %d", listed), Value: r.median(fmt.Sprintf("images, with %d", listed), "coracle"), Unit: "ms", Limit: 30},
	}
	flat := Target{Name: "memory of a pull, all layers against one", Unit: "×", Limit: flatMemory}
	for _, p := range r.Peaks {
		if p.Program == "coracle" {
			flat.Value = ratio(p.Whole, p.First)
		}
	}
	list = append(list, flat)
	for i := range list {
		list[i] = list[i].judge()
	}
	return list
}

// flatMemory is what counts as flat: the garbage collector lets a heap grow by
// some before it looks at it.
const flatMemory = 1.25

// write prints the report for people.
func (r *StorageReport) write(w io.Writer) error {
	p := &printer{w: w}
	h := r.Host
	p.line("coracle-bench -storage, %s", h.Date.Format("2006-01-02 15:04 -0700"))
	facts := &table{align: "ll"}
	facts.add("machine", fmt.Sprintf("Linux %s %s, %d CPUs %s", h.Kernel, h.Arch, h.CPUs, h.CPU))
	facts.add("load", fmt.Sprintf("%s before, %s after", h.Before, h.After))
	facts.add("image", fmt.Sprintf("%s; on %s", r.Image, h.Store))
	for _, peer := range r.Peers {
		if peer.Absent != "" {
			facts.add(peer.Name, "takes no part: "+peer.Absent)
		} else {
			facts.add(peer.Name, peer.Version)
		}
	}
	p.table(facts)
	for _, s := range r.Steps {
		p.times(s.Title, s.Rows)
	}
	p.line("\nlargest process of a pull (MB)")
	t := &table{align: "lrr"}
	t.add("", "first layer", "all layers")
	for _, peak := range r.Peaks {
		t.add(peak.Program, digits(peak.First), digits(peak.Whole))
	}
	p.table(t)
	p.targets(r.Targets)
	if len(r.Notes) > 0 {
		p.line("\nnotes")
	}
	for _, note := range r.Notes {
		p.line("  %s", note)
	}
	return p.err
}
