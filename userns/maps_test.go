package userns

import "testing"

func TestMapsShift(t *testing.T) {
	keep, err := anaGrant().Container(Request{Mode: "keep-id"})
	if err != nil {
		t.Fatal(err)
	}
	same, err := anaGrant().Container(Request{})
	if err != nil {
		t.Fatal(err)
	}
	host := Maps{Host: true}
	for _, c := range []struct {
		name     string
		m        Maps
		id, want uint32
		ok       bool
		identity bool
	}{
		{"default", same, 0, 0, true, true},
		{"default", same, 65536, 65536, true, true},
		{"default, beyond", same, 65537, 0, false, true},
		{"host", host, 4000000, 4000000, true, true},
		{"keep-id, root", keep, 0, 1, true, false},
		{"keep-id, the user", keep, 1000, 0, true, false},
		{"keep-id, above", keep, 1001, 1001, true, false},
	} {
		u, ok := c.m.ShiftUID(c.id)
		if u != c.want || ok != c.ok {
			t.Errorf("%s: uid %d is on disk %d, %v", c.name, c.id, u, ok)
		}
		if g, ok := c.m.ShiftGID(c.id); g != c.want || ok != c.ok {
			t.Errorf("%s: gid %d is on disk %d, %v", c.name, c.id, g, ok)
		}
		if got := c.m.Identity(); got != c.identity {
			t.Errorf("%s: Identity() = %v", c.name, got)
		}
	}
	if (Maps{Join: "x"}).Identity() {
		t.Error("a joined namespace is unknown")
	}
}
