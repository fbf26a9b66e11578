package userns

import (
	"errors"
	"strings"
	"testing"
)

func extents(n int, first, step uint32) IDMap {
	var m IDMap
	for i := range uint32(n) {
		m = append(m, Extent{i * 2, first + i*step, 1})
	}
	return m
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		m    IDMap
		says string // "" for a good map
	}{
		{"ordinary", IDMap{{0, 1000, 1}, {1, 100000, 65536}}, ""},
		{"every id", full, ""},
		{"touching", IDMap{{0, 0, 1}, {1, 1, 1}}, ""},
		{"as many as the kernel takes", extents(MaxExtents, 0, 2), ""},
		{"empty", nil, "empty"},
		{"one more", extents(MaxExtents+1, 0, 2), "341 extents"},
		{"no ids", IDMap{{0, 0, 0}}, "size 0"},
		{"inside beyond the last id", IDMap{{1, 0, maxID}}, "last id"},
		{"outside beyond the last id", IDMap{{0, 4294967295, 1}}, "last id"},
		{"inside twice", IDMap{{0, 0, 10}, {9, 100, 1}}, "0 0 10 and 9 100 1 overlap"},
		{"outside twice", IDMap{{0, 0, 10}, {20, 9, 1}}, "map the same ids twice"},
		{"more than a page", extents(300, 4000000000, 2), "bytes of text"},
	} {
		err := c.m.Validate()
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.says != "" && (!errors.Is(err, ErrBadMap) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v does not say %q", c.name, err, c.says)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, m := range []IDMap{extents(400, 0, 2), extents(300, 4000000000, 2), full} {
		if err := m.shorten().Validate(); err != nil {
			t.Error(err)
		}
	}
	if got := full.shorten(); !got.Equal(full) {
		t.Errorf("a short map became %s", got)
	}
}
