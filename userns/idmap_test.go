package userns

import (
	"testing"
)

func TestIDMapLookup(t *testing.T) {
	base := IDMap{{0, 1000, 1}, {1, 100000, 65536}}
	top := IDMap{{0, 0, 1}, {1, 1, maxID - 1}}
	for _, c := range []struct {
		m               IDMap
		inside, outside uint32
		mapped          bool
	}{
		{base, 0, 1000, true},
		{base, 1, 100000, true},
		{base, 65536, 165535, true},
		{base, 65537, 0, false},
		{base, maxID, 0, false},
		{top, 0, 0, true},
		{top, maxID - 1, maxID - 1, true},
		{top, maxID, 0, false},
		{nil, 0, 0, false},
	} {
		if got, ok := c.m.ToOutside(c.inside); got != c.outside || ok != c.mapped {
			t.Errorf("%s: ToOutside(%d) = %d, %v", c.m, c.inside, got, ok)
		}
		if !c.mapped {
			continue
		}
		if got, ok := c.m.ToInside(c.outside); got != c.inside || !ok {
			t.Errorf("%s: ToInside(%d) = %d, %v", c.m, c.outside, got, ok)
		}
	}
	for _, host := range []uint32{0, 999, 1001, 99999, 165536} {
		if got, ok := base.ToInside(host); ok {
			t.Errorf("ToInside(%d) = %d, want none", host, got)
		}
	}
}

func TestIDMapText(t *testing.T) {
	for _, c := range []struct {
		m            IDMap
		text, kernel string
		size         uint64
	}{
		{nil, "", "", 0},
		{full, "0 0 4294967295", "0 0 4294967295\n", 4294967295},
		{IDMap{{0, 1000, 1}, {1, 100000, 65536}}, "0 1000 1, 1 100000 65536", "0 1000 1\n1 100000 65536\n", 65537},
	} {
		if got := c.m.String(); got != c.text {
			t.Errorf("String() = %q, want %q", got, c.text)
		}
		if got := string(c.m.Kernel()); got != c.kernel {
			t.Errorf("Kernel() = %q, want %q", got, c.kernel)
		}
		if got := c.m.Size(); got != c.size {
			t.Errorf("%s: Size() = %d", c.m, got)
		}
	}
}

func TestIDMapIdentity(t *testing.T) {
	for _, c := range []struct {
		m    IDMap
		want bool
	}{
		{nil, true},
		{full, true},
		{IDMap{{0, 0, 1}, {1, 1, 9}}, true},
		{IDMap{{0, 0, 1}, {1, 2, 9}}, false},
		{IDMap{{0, 1000, 1}}, false},
	} {
		if got := c.m.Identity(); got != c.want {
			t.Errorf("%s: Identity() = %v", c.m, got)
		}
	}
}

func TestIDMapEqual(t *testing.T) {
	a := IDMap{{1, 100000, 10}, {0, 1000, 1}}
	for _, c := range []struct {
		name string
		o    IDMap
		want bool
	}{
		{"the same", IDMap{{1, 100000, 10}, {0, 1000, 1}}, true},
		{"another order", IDMap{{0, 1000, 1}, {1, 100000, 10}}, true},
		{"cut elsewhere", IDMap{{0, 1000, 1}, {1, 100000, 5}, {6, 100005, 5}}, false},
		{"shorter", IDMap{{0, 1000, 1}}, false},
		{"none", nil, false},
	} {
		if got := a.Equal(c.o); got != c.want {
			t.Errorf("%s: Equal = %v", c.name, got)
		}
	}
	if a[0].Inside != 1 {
		t.Error("Equal changed the order of its receiver")
	}
}
