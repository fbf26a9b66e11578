package main

import (
	"strings"
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	local := func(s string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04:05", s, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for s, want := range map[string]time.Time{
		"":                            {},
		"10m":                         now.Add(-10 * time.Minute),
		"1h30m":                       now.Add(-90 * time.Minute),
		"-1s":                         now.Add(time.Second),
		"0":                           now,
		"2026-01-02T15:04:05Z":        time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
		"2026-01-02T15:04:05.5+02:00": time.Date(2026, 1, 2, 13, 4, 5, 5e8, time.UTC),
		"2026-01-02T15:04:05":         local("2026-01-02 15:04:05"),
		"2026-01-02T15:04":            local("2026-01-02 15:04:00"),
		"2026-01-02":                  local("2026-01-02 00:00:00"),
		"2026-01-02Z":                 time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		"1767366245":                  time.Unix(1767366245, 0),
		"10":                          time.Unix(10, 0), // seconds, as docker has it
		"1767366245.5":                time.Unix(1767366245, 5e8),
	} {
		if got, err := moment("--since", s, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"yesterday", "2026-13-01", "-5", "1e99", "NaN", "Inf", "1h 2m", " 1h", "2026-01-02T25:00:00Z"} {
		if got, err := moment("--since", s, now); err == nil || !strings.Contains(err.Error(), "--since") {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

func FuzzMoment(f *testing.F) {
	for _, s := range []string{"10m", "2026-01-02", "1767366245.5", "-1", "9e9", "0x1p3"} {
		f.Add(s)
	}
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if at, err := moment("--since", s, now); err == nil && s != "" && at.IsZero() && !strings.HasPrefix(s, "0001") {
			t.Errorf("%q is no bound", s)
		}
	})
}
