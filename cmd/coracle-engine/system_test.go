//go:build containers_image_openpgp

package main

import (
	"testing"
	"time"

	"coracle/storage/engine/health"
)

func TestPruneFilter(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	old, young := now.Add(-48*time.Hour), now.Add(-time.Hour)
	labels := map[string]string{"a": "1", "b": ""}
	for _, c := range []struct {
		filter  []string
		created time.Time
		want    bool
	}{
		{nil, young, true},
		{[]string{"until=24h"}, old, true},
		{[]string{"until=24h"}, young, false},
		{[]string{"until=2026-01-30"}, old, true},
		{[]string{"until=2026-01-30T00:00:00Z"}, young, false},
		{[]string{"until=1769774400"}, old, true},
		{[]string{"label=a"}, young, true},
		{[]string{"label=a=1"}, young, true},
		{[]string{"label=a=2"}, young, false},
		{[]string{"label=b="}, young, true},
		{[]string{"label=c"}, young, false},
		{[]string{"label!=a"}, young, false},
		{[]string{"label!=a=2"}, young, true},
		{[]string{"label!=c"}, young, true},
		{[]string{"label=a", "label!=b"}, young, false},
		{[]string{"label=a", "until=24h"}, young, false},
	} {
		f, err := parsePruneFilter(c.filter, now)
		if err != nil {
			t.Errorf("%q: %v", c.filter, err)
		} else if got := f.fits(c.created, labels); got != c.want {
			t.Errorf("%q: %v", c.filter, got)
		}
	}
	for _, bad := range []string{"until", "until=", "until=soon", "colour=red", "label=", ""} {
		if _, err := parsePruneFilter([]string{bad}, now); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

func FuzzParseUntil(f *testing.F) {
	f.Add("24h")
	f.Add("2026-01-31T15:04:05Z")
	f.Add("1769774400")
	f.Fuzz(func(t *testing.T, s string) {
		_, _ = parseUntil(s, time.Unix(0, 0))
	})
}

func TestDfRows(t *testing.T) {
	u := &health.Usage{
		Images: []health.ImageUsage{{ID: "1", Containers: 1}, {ID: "1", RepeatedName: true}, {ID: "2"}},
		Layers: 200, FreeLayers: 50, Volumes: []health.VolumeUsage{{Name: "v", Links: 1, Size: 10}, {Name: "w", Size: 20}},
	}
	rows := dfRows(u)
	for i, want := range []dfRow{{"Images", 2, 1, 200, 50}, {"Containers", 0, 0, 0, 0}, {"Local Volumes", 2, 1, 30, 20}} {
		if rows[i] != want {
			t.Errorf("got %v, want %v", rows[i], want)
		}
	}
	if got := rows[0].Reclaimable(); got != "50 B (25%)" {
		t.Error(got)
	}
	if got := rows[1].Reclaimable(); got != "0 B (0%)" {
		t.Error(got)
	}
}

func TestSplitName(t *testing.T) {
	for name, want := range map[string][2]string{
		"": {"<none>", "<none>"}, "localhost/a:1": {"localhost/a", "1"}, "h:5000/a": {"h:5000/a", "<none>"}, "h:5000/a:b@sha256:1": {"h:5000/a", "b"},
	} {
		if repository, tag := splitName(name); repository != want[0] || tag != want[1] {
			t.Errorf("%q is %q, %q", name, repository, tag)
		}
	}
}
