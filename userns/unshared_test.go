package userns

import (
	"errors"
	"testing"
)

func TestRootAlone(t *testing.T) {
	for _, tt := range []struct {
		m   IDMap
		uid int
		ok  bool
	}{
		{IDMap{{0, 1000, 1}, {1, 100000, 65536}}, 1000, true},
		{IDMap{{1, 100000, 65536}, {0, 1000, 1}}, 1000, true},
		{IDMap{{0, 0, 1}, {1, 1, 4294967294}}, 0, true},
		{IDMap{{0, 0, 4294967295}}, 0, false}, // the initial namespace
		{IDMap{{0, 100000, 65536}}, 100000, false},
		{IDMap{{1000, 1000, 1}}, 0, false},
		{nil, 0, false},
	} {
		if uid, ok := rootAlone(tt.m); uid != tt.uid || ok != tt.ok {
			t.Errorf("%v: %d, %v", tt.m, uid, ok)
		}
	}
}

func TestUnsharedIsNotBelieved(t *testing.T) {
	env := func(v string) func(string) string { return func(string) string { return v } }
	if _, ok, err := Unshared(env("")); ok || err != nil {
		t.Errorf("without the variable: %v, %v", ok, err)
	}
	// Tests do not run as mapped root of a base namespace, whoever runs them.
	if _, ok, err := Unshared(env("1")); ok || !errors.Is(err, ErrNotUnshared) {
		t.Errorf("with the variable alone: %v, %v", ok, err)
	}
}
