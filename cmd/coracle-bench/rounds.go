package main

import (
	"context"
	"fmt"
)

// entry is one competitor in rounds.
type entry struct {
	name string
	take func() (sample, error)
}

// series is what an entry's rounds gave: samples, or what went wrong. The first
// failure ends its part in the rounds.
type series struct {
	name    string
	samples []sample
	err     error
}

// rounds lets all entries take their turns, forward and backward by turns: else
// one would always come right after the same other. Only the end of ctx stops it.
func rounds(ctx context.Context, n int, entries []entry) ([]series, error) {
	all := make([]series, len(entries))
	for i, e := range entries {
		all[i].name = e.name
	}
	for round := range n {
		for turn := range entries {
			i := turn
			if round%2 == 1 {
				i = len(entries) - 1 - turn
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("interrupted: %w", ctx.Err())
			}
			if all[i].err != nil {
				continue
			}
			s, err := entries[i].take()
			if err != nil {
				all[i].err = err
				continue
			}
			all[i].samples = append(all[i].samples, s)
		}
	}
	return all, nil
}
