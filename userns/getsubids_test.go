package userns

import (
	"fmt"
	"testing"
)

func TestSubIDList(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"0: ana 100000 65536\n", "[{100000 165536}]"},
		{"0: ana 300000 10\n1: ana 100000 10\n", "[{100000 100010} {300000 300010}]"},
		{"0: CORP\\ana smith 100000 10", "[{100000 100010}]"},
		{"0: ana 100000\nError fetching ranges\n0: ana x 10\n0: ana 5 0\n0: ana 4294967295 1\n", "[]"},
		{"", "[]"},
	} {
		if got := fmt.Sprint(subIDList([]byte(c.text))); got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
}

func FuzzSubIDList(f *testing.F) {
	f.Add([]byte("0: ana 100000 65536\n1: ana 5 5\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		base, _ := baseMap(1000, subIDList(text), full)
		if err := base.Validate(); err != nil {
			t.Fatal(err)
		}
	})
}
