package userns

import (
	"slices"
	"testing"
)

func TestNormalize(t *testing.T) {
	for _, c := range []struct{ m, want string }{
		{"", ""},
		{"1 11 1\n0 10 1", "0 10 2"},
		{"0 10 1\n1 12 1", "0 10 1, 1 12 1"},
		{"0 10 1\n2 11 1", "0 10 1, 2 11 1"},
		{"0 10 5\n7 3 0\n5 15 5", "0 10 10"},
		{"0 0 1\n1 1 4294967294", "0 0 4294967295"},
	} {
		if got := mustParse(t, c.m).Normalize().String(); got != c.want {
			t.Errorf("%q: got %s, want %s", c.m, got, c.want)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		name, m, outer, want string
		all                  bool
	}{
		{"one piece", "0 5 10", "0 1000 100", "0 5 10", true},
		{"across two extents that touch", "0 0 65537", "0 1000 1\n1 100000 65536", "0 0 1, 1 1 65536", true},
		{"across three", "0 0 30", "0 100 10\n10 200 10\n20 300 10", "0 0 10, 10 10 10, 20 20 10", true},
		{"outer in another order", "0 0 20", "10 200 10\n0 100 10", "0 0 10, 10 10 10", true},
		{"shifted", "100 5 10", "0 1000 8\n8 2000 8", "100 5 3, 103 8 7", true},
		{"a part outside", "0 5 10", "0 1000 8", "0 5 3", false},
		{"a hole", "0 0 30", "0 100 10\n20 300 10", "0 0 10, 20 20 10", false},
		{"nothing", "0 50 10", "0 1000 8", "", false},
		{"the last id", "0 4294967294 1", "0 0 4294967295", "0 4294967294 1", true},
	} {
		got, all := mustParse(t, c.m).Within(mustParse(t, c.outer))
		if got.String() != c.want || all != c.all {
			t.Errorf("%s: got %s, %v; want %s, %v", c.name, got, all, c.want, c.all)
		}
	}
}

func TestCompose(t *testing.T) {
	base := "0 1000 1\n1 100000 65536"
	for _, c := range []struct{ name, m, outer, want string }{
		{"default", "0 0 1\n1 1 65536", base, "0 1000 1, 1 100000 65536"},
		{"keep-id", "0 1 1000\n1000 0 1\n1001 1001 64536", base, "0 100000 1000, 1000 1000 1, 1001 101000 64536"},
		{"merges what meets", "0 0 2\n2 2 2", "0 10 4", "0 10 4"},
		{"drops the unmapped", "0 65536 10", base, "0 165535 1"},
	} {
		if got := mustParse(t, c.m).Compose(mustParse(t, c.outer)).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// Composing is looking up twice, for every id and map.
func FuzzCompose(f *testing.F) {
	f.Add([]byte("0 0 5\n5 7 3"), []byte("0 1000 1\n1 100000 65536"), uint32(3))
	f.Fuzz(func(t *testing.T, a, b []byte, id uint32) {
		m, err1 := ParseIDMap(a)
		o, err2 := ParseIDMap(b)
		if err1 != nil || err2 != nil || m.Validate() != nil || o.Validate() != nil {
			return
		}
		want, ok := m.ToOutside(id)
		if ok {
			want, ok = o.ToOutside(want)
		}
		if got, okc := m.Compose(o).ToOutside(id); got != want && ok || okc != ok {
			t.Fatalf("%s over %s: id %d is %d, %v; composed %d, %v", m, o, id, want, ok, got, okc)
		}
		cut, all := m.Within(o)
		if all != (cut.Size() == m.Size()) || all && !slices.Equal(cut.Normalize(), m.Normalize()) {
			t.Fatalf("%s within %s is %s, %v", m, o, cut, all)
		}
	})
}

func mustParse(t testing.TB, text string) IDMap {
	t.Helper()
	m, err := ParseIDMap([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
