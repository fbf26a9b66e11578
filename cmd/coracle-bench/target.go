package main

import "fmt"

// Target is a promise and what became of it.
type Target struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Limit   float64 `json:"limit"`
	Stretch float64 `json:"stretch,omitempty"` // 0: none
	AtLeast bool    `json:"at_least,omitempty"`
	Verdict string  `json:"verdict"`
	Further string  `json:"stretch_verdict,omitempty"`
}

// judge fills in the verdicts. A value of 0 was not measured.
func (t Target) judge() Target {
	if t.Value == 0 {
		t.Verdict = "not measured"
		return t
	}
	t.Verdict = t.against(t.Limit)
	if t.Stretch != 0 {
		t.Further = t.against(t.Stretch)
	}
	return t
}

func (t Target) against(limit float64) string {
	by := t.Value - limit
	if t.AtLeast {
		by = -by
	}
	if by <= 0 {
		return "met"
	}
	return fmt.Sprintf("missed by %.2f %s", by, t.Unit)
}

// wanted is the limit in words.
func (t Target) wanted() string {
	sign := "≤"
	if t.AtLeast {
		sign = "≥"
	}
	return fmt.Sprintf("%s %g %s", sign, t.Limit, t.Unit)
}

// targets judges a report.
func (r *Report) targets() []Target {
	coracle := find(r.One, "coracle").Median
	list := []Target{
		{Name: "one run, against crun", Value: ratio(coracle, find(r.One, "crun").Median), Unit: "×", Limit: 1, Stretch: 0.5},
		{Name: "one run, faster than podman", Value: ratio(find(r.One, "podman").Median, coracle), Unit: "×", Limit: 15, AtLeast: true},
	}
	supervisor := Target{Name: "proportional memory of a supervisor", Unit: "MB", Limit: 6, Stretch: 2}
	for _, m := range r.Memory {
		if m.Program == "coracle" && m.Process == supervisorName {
			supervisor.Name = fmt.Sprintf("proportional memory of a supervisor, %d running", m.Running)
			supervisor.Value = m.Pss
		}
	}
	list = append(list, supervisor)
	flat := Target{Name: "start, as the store fills", Unit: "×", Limit: flatLimit}
	if n := len(r.Stores); n > 1 {
		first, last := r.Stores[0], r.Stores[n-1]
		flat.Name = fmt.Sprintf("start with %d images and containers, against %d", last.Size, first.Size)
		flat.Value = ratio(last.Warm.Median, first.Warm.Median)
	}
	list = append(list, flat)
	list = append(list, r.Life.lifeTargets()...)
	for i := range list {
		list[i] = list[i].judge()
	}
	return list
}

// flatLimit is what counts as flat: a tenth is what the noise of this
// measurement comes to on a machine that does nothing else.
const flatLimit = 1.1
