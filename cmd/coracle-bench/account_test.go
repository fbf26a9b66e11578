package main

import (
	"slices"
	"testing"
)

func TestSubRanges(t *testing.T) {
	text := "ana:100000:65536\nbob:1:2\n\n1000:5:1\nana:x:1\nana:7:0\nana:1:2:3\nana\n"
	got := subRanges(text, "ana", "1000")
	if want := []idRange{{100000, 165535}, {5, 5}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	a := &account{ids: append(got, idRange{1000, 1000})}
	for uid, want := range map[int]bool{1000: true, 5: true, 100000: true, 165535: true, 165536: false, 99999: false, 0: false} {
		if a.owns(uid) != want {
			t.Errorf("owns %d: %v", uid, !want)
		}
	}
	if (&account{}).owns(0) {
		t.Error("nobody owns root's processes")
	}
}
