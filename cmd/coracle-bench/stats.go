package main

import (
	"math"
	"slices"
	"time"
)

// Summary is what a series of samples comes to, in milliseconds.
type Summary struct {
	Rounds int     `json:"rounds"`
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	Gone   float64 `json:"gone_ms"` // median
	CPU    float64 `json:"cpu_ms"`  // median
}

func summarize(samples []sample) Summary {
	var wall, gone, cpu []float64
	for _, s := range samples {
		wall = append(wall, ms(s.Wall))
		gone = append(gone, ms(s.Gone))
		cpu = append(cpu, ms(s.CPU))
	}
	return Summary{Rounds: len(samples), Median: median(wall), Min: minimum(wall), Gone: median(gone), CPU: median(cpu)}
}

// ms rounds to microseconds: more digits would only look exact.
func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// median is the mean of the two in the middle when there are two; 0 of nothing.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(n-1)/2] + v[n/2]) / 2
}

func minimum(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Min(values)
}

// ratio is a/b, and 0 where one of them was not measured.
func ratio(a, b float64) float64 {
	if b == 0 || math.IsNaN(a) || math.IsNaN(b) {
		return 0
	}
	return a / b
}
