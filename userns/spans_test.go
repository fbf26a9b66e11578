package userns

import (
	"fmt"
	"testing"
)

func TestSpans(t *testing.T) {
	a := spansOf(span{10, 20}, span{30, 40}, span{20, 25})
	for _, c := range []struct {
		name string
		got  spans
		want string
	}{
		{"ordered", a, "[{10 20} {20 25} {30 40}]"},
		{"overlap cut", spansOf(span{10, 20}, span{5, 15}, span{12, 13}), "[{5 15} {15 20}]"},
		{"duplicate", spansOf(span{10, 20}, span{10, 20}), "[{10 20}]"},
		{"empty dropped", spansOf(span{10, 10}, span{9, 3}), "[]"},
		{"joined", a.joined(), "[{10 25} {30 40}]"},
		{"minus the middle", a.minus(spans{{12, 14}, {35, 36}}), "[{10 12} {14 20} {20 25} {30 35} {36 40}]"},
		{"minus the ends", a.minus(spans{{0, 12}, {39, 99}}), "[{12 20} {20 25} {30 39}]"},
		{"minus all", a.minus(spans{{0, 99}}), "[]"},
		{"minus across", a.minus(spans{{15, 35}}), "[{10 15} {35 40}]"},
		{"minus nothing", a.minus(nil), "[{10 20} {20 25} {30 40}]"},
		{"and", a.and(spans{{0, 12}, {18, 31}}), "[{10 12} {18 20} {20 25} {30 31}]"},
		{"first", a.first(12), "[{10 20} {20 22}]"},
		{"first of too few", a.first(99), "[{10 20} {20 25} {30 40}]"},
		{"first none", a.first(0), "[]"},
	} {
		if got := fmt.Sprint(c.got); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		n    uint64
		want string
		ok   bool
	}{
		{5, "[{10 15}]", true},
		{15, "[{10 25}]", true}, // spans that touch are one place
		{16, "[{10 20} {20 25} {30 31}]", true},
		{25, "[{10 20} {20 25} {30 40}]", true},
		{26, "[{10 20} {20 25} {30 40}]", false},
	} {
		if got, ok := a.slice(c.n); fmt.Sprint(got) != c.want || ok != c.ok {
			t.Errorf("slice(%d) = %v, %v", c.n, got, ok)
		}
	}
}

func TestZip(t *testing.T) {
	for _, c := range []struct {
		inside, outside spans
		want            string
	}{
		{spans{{0, 10}}, spans{{5, 15}}, "0 5 10"},
		{spans{{0, 4}, {5, 10}}, spans{{1, 3}, {7, 99}}, "0 1 2, 2 7 2, 5 9 5"},
		{spans{{0, maxID}}, spans{{1, 3}}, "0 1 2"},
		{nil, spans{{1, 3}}, ""},
	} {
		if got := zip(c.inside, c.outside).String(); got != c.want {
			t.Errorf("zip(%v, %v) = %s, want %s", c.inside, c.outside, got, c.want)
		}
	}
}
