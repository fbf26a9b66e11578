package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values          []float64
		median, minimum float64
	}{
		{nil, 0, 0},
		{[]float64{7}, 7, 7},
		{[]float64{3, 1}, 2, 1},
		{[]float64{9, 1, 5}, 5, 1},
		{[]float64{4, 100, 1, 2}, 3, 1},
	} {
		before := slices.Clone(c.values)
		if got := median(c.values); got != c.median {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.median)
		}
		if got := minimum(c.values); got != c.minimum {
			t.Errorf("minimum of %v is %v, want %v", c.values, got, c.minimum)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("median changed %v to %v", before, c.values)
		}
	}
}

func TestRatio(t *testing.T) {
	for _, c := range [][3]float64{{6, 3, 2}, {1, 4, 0.25}, {0, 3, 0}, {3, 0, 0}, {math.NaN(), 1, 0}, {1, math.NaN(), 0}} {
		if got := ratio(c[0], c[1]); got != c[2] {
			t.Errorf("ratio of %v and %v is %v, want %v", c[0], c[1], got, c[2])
		}
	}
}

func TestSummarize(t *testing.T) {
	const m = time.Millisecond
	got := summarize([]sample{
		{Wall: 10 * m, Gone: 12 * m, CPU: 3 * m}, {Wall: 8 * m, Gone: 20 * m, CPU: 5 * m},
		{Wall: 30*m + 400*time.Nanosecond, Gone: 40 * m, CPU: 4 * m},
	})
	if want := (Summary{Rounds: 3, Median: 10, Min: 8, Gone: 20, CPU: 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := summarize(nil); got != (Summary{}) {
		t.Errorf("nothing comes to %+v", got)
	}
	if got := ms(1234567 * time.Nanosecond); got != 1.235 {
		t.Errorf("1234567 ns are %v ms", got)
	}
}
