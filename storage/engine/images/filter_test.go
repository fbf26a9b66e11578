//go:build containers_image_openpgp

package images

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"coracle/storage/record"
)

var errNone = errors.New("none")

func filterWorld() ([]record.Entry, FilterFacts) {
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	all := []record.Entry{
		{ID: "a1", Names: []string{"docker.io/library/debian:12", "localhost/deb:old"}, Created: day(1), Labels: map[string]string{"k": "v", "e": ""}, Digests: []string{"sha256:11"}},
		{ID: "a2", Names: []string{"registry.example:5000/team/app:v2"}, Created: day(2), Labels: map[string]string{"k": "w"}},
		{ID: "b1", Created: day(3), Intermediate: true},
		{ID: "b2", Created: day(4), ReadOnly: true},
	}
	return all, FilterFacts{
		Now:  day(5),
		Used: func(id string) bool { return id == "a2" },
		Find: func(ref string) (*record.Entry, error) {
			for i := range all {
				if all[i].ID == ref {
					return &all[i], nil
				}
			}
			return nil, errNone
		},
	}
}

func TestFilter(t *testing.T) {
	all, facts := filterWorld()
	for words, want := range map[string]string{
		"":                                     "a1 a2 b1 b2",
		"dangling=true":                        "b2",
		"dangling=false":                       "a1 a2 b1",
		"intermediate=true":                    "b1",
		"readonly=1":                           "b2",
		"containers=true":                      "a2",
		"label=k":                              "a1 a2",
		"label=k=v":                            "a1",
		"label=e=":                             "a1",
		"label=k label=e":                      "a1",
		"label!=k":                             "b1 b2",
		"label!=k=v":                           "a2 b1 b2",
		"id=sha256:a":                          "a1 a2",
		"digest=sha256:1":                      "a1",
		"before=b1":                            "a1 a2",
		"since=a2":                             "b1 b2",
		"after=a2 before=b2":                   "b1",
		"until=48h":                            "a1 a2", // before the 3rd
		"until=2026-01-02":                     "a1",
		"reference=debian":                     "a1",
		"reference=debian:12":                  "a1",
		"reference=debian:11":                  "",
		"reference=library/debian":             "a1",
		"reference=*ian":                       "a1",
		"reference=docker.io/library/*":        "a1",
		"reference=deb":                        "a1",
		"reference=app":                        "a2",
		"reference=team/*:v2":                  "a2",
		"reference=registry.example:5000/*/*":  "a2",
		"reference=app reference=debian":       "a1 a2",
		"reference!=debian":                    "a2 b1 b2",
		"reference=app label=k=w":              "a2",
		"reference=app label=k=v":              "",
		"dangling!=true":                       "a1 a2 b1",
		"until=1767312000":                     "a1", // 2026-01-02T00:00:00Z
		"until=2026-01-02T00:00:00.5Z label=k": "a1 a2",
	} {
		f, err := NewFilter(strings.Fields(words), facts)
		if err != nil {
			t.Errorf("%s: %v", words, err)
			continue
		}
		var got []string
		for i := range all {
			if f.Match(&all[i]) {
				got = append(got, all[i].ID)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", words, got, want)
		}
	}
}

func TestFilterNames(t *testing.T) {
	all, facts := filterWorld()
	f, err := NewFilter(nil, facts)
	check(t, err)
	if !f.Name("whatever") {
		t.Error("without a reference every name is wanted")
	}
	f.AddReference("deb")
	if !f.Match(&all[0]) || f.Name(all[0].Names[0]) || !f.Name(all[0].Names[1]) {
		t.Error("only the names that match are wanted")
	}
}

func TestFilterErrors(t *testing.T) {
	_, facts := filterWorld()
	for word, want := range map[string]string{
		"dangling": "KEY=VALUE", "=x": "KEY=VALUE", "dangling=perhaps": "true or false", "nokey=1": "unknown key", "reference=[": "broken",
		"reference!=[": "broken", "before=zz": "none", "until=soon": "neither a time",
	} {
		if _, err := NewFilter([]string{word}, facts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", word, err, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 5, 5, 12, 0, 0, 0, time.FixedZone("X", 3600))
	for in, want := range map[string]string{
		"1h30m": "2026-05-05T10:30:00+01:00", "2026-01-02": "2026-01-02T00:00:00+01:00", "2026-01-02Z": "2026-01-02T00:00:00Z",
		"2026-01-02T03:04": "2026-01-02T03:04:00+01:00", "2026-01-02T03:04:05Z": "2026-01-02T03:04:05Z", "60": "1970-01-01T01:01:00+01:00",
	} {
		w, err := time.Parse(time.RFC3339, want)
		check(t, err)
		if got, err := ParseTime(in, now); err != nil || !got.Equal(w) {
			t.Errorf("%s: %v, %v; want %s", in, got, err, want)
		}
	}
}

func FuzzMatchName(f *testing.F) {
	f.Add("debian", "docker.io/library/debian:12")
	f.Add("*/*@", "localhost/a@sha256:1")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		matchName(pattern, name)
		if !slices.ContainsFunc([]rune(name), func(r rune) bool { return strings.ContainsRune(`\*?[`, r) }) && !matchName(name, name) {
			t.Errorf("%q does not match itself", name)
		}
	})
}
