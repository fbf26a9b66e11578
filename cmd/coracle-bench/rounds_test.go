package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// fakes are entries that write down when they ran. One whose name begins with x
// fails in its second round.
func fakes(names string, log *strings.Builder) []entry {
	var entries []entry
	for _, name := range strings.Fields(names) {
		ran := 0
		entries = append(entries, entry{name, func() (sample, error) {
			log.WriteString(name)
			if ran++; ran == 2 && name[0] == 'x' {
				return sample{}, errors.New("broken")
			}
			return sample{Wall: time.Duration(ran) * time.Millisecond}, nil
		}})
	}
	return entries
}

func TestRoundsInterleave(t *testing.T) {
	for want, c := range map[string]struct {
		names string
		n     int
	}{
		"abccbaabc":  {"a b c", 3},
		"axbbxaabba": {"a x b", 4},
		"aaa":        {"a", 3},
		"":           {"a b", 0},
	} {
		var log strings.Builder
		all, err := rounds(context.Background(), c.n, fakes(c.names, &log))
		if err != nil || log.String() != want {
			t.Errorf("%d rounds of %s: %s, %v, want %s", c.n, c.names, log.String(), err, want)
		}
		for _, s := range all {
			switch broken := s.name == "x"; {
			case broken && (s.err == nil || len(s.samples) != 1):
				t.Errorf("%s: %d samples, error %v", s.name, len(s.samples), s.err)
			case !broken && (s.err != nil || len(s.samples) != c.n):
				t.Errorf("%s: %d samples, error %v", s.name, len(s.samples), s.err)
			}
		}
	}
}

func TestRoundsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var log strings.Builder
	entries := fakes("a b c", &log)
	entries[1].take = func() (sample, error) { cancel(); return sample{}, nil }
	if _, err := rounds(ctx, 5, entries); !errors.Is(err, context.Canceled) || log.String() != "a" {
		t.Errorf("got %v after %q", err, log.String())
	}
}
