package main

import (
	"testing"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		value, limit, stretch float64
		atLeast               bool
		verdict, further      string
	}{
		{0.4, 1, 0.5, false, "met", "met"},
		{0.5, 1, 0.5, false, "met", "met"},
		{0.75, 1, 0.5, false, "met", "missed by 0.25 ×"},
		{1.5, 1, 0.5, false, "missed by 0.50 ×", "missed by 1.00 ×"},
		{15, 15, 0, true, "met", ""},
		{12.5, 15, 0, true, "missed by 2.50 ×", ""},
		{0, 15, 20, true, "not measured", ""},
	} {
		got := Target{Value: c.value, Limit: c.limit, Stretch: c.stretch, AtLeast: c.atLeast, Unit: "×"}.judge()
		if got.Verdict != c.verdict || got.Further != c.further {
			t.Errorf("%v: %q, %q, want %q, %q", c, got.Verdict, got.Further, c.verdict, c.further)
		}
	}
	if got := (Target{Limit: 15, AtLeast: true, Unit: "×"}).wanted(); got != "≥ 15 ×" {
		t.Error(got)
	}
	if got := (Target{Limit: 6, Unit: "MB"}).wanted(); got != "≤ 6 MB" {
		t.Error(got)
	}
}

func TestTargets(t *testing.T) {
	want := map[string]string{
		"one run, against crun":                            "met",
		"one run, faster than podman":                      "missed by 5.00 ×",
		"proportional memory of a supervisor, 20 running":  "met",
		"start with 1000 images and containers, against 1": "missed by 0.10 ×",
	}
	got := testReport().targets()
	if len(got) != len(want) {
		t.Errorf("%d targets, want %d", len(got), len(want))
	}
	for _, target := range got {
		if target.Verdict != want[target.Name] {
			t.Errorf("%s: %q, want %q (%v)", target.Name, target.Verdict, want[target.Name], target.Value)
		}
	}
	for _, target := range (&Report{}).targets() {
		if target.Verdict != "not measured" {
			t.Errorf("of nothing: %s: %s", target.Name, target.Verdict)
		}
	}
}
