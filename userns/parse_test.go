package userns

import (
	"errors"
	"strings"
	"testing"
)

func TestParseIDMap(t *testing.T) {
	for _, c := range []struct {
		text, want string
		bad        bool
	}{
		{"", "", false},
		{"         0          0 4294967295\n", "0 0 4294967295", false},
		{"0 1000 1\n1 100000 65536\n", "0 1000 1, 1 100000 65536", false},
		{"0 1000 1", "0 1000 1", false},
		{"0 1000\n", "", true},
		{"0 1000 1 1\n", "", true},
		{"\n", "", true},
		{"0 -1 1\n", "", true},
		{"0 +1 1\n", "", true},
		{"0 0x1 1\n", "", true},
		{"0 4294967296 1\n", "", true},
		{"0 99999999999999999999 1\n", "", true},
		{strings.Repeat("1 1 1\n", MaxExtents+1), "", true},
	} {
		m, err := ParseIDMap([]byte(c.text))
		if c.bad != errors.Is(err, ErrBadMap) || (err != nil) != c.bad || m.String() != c.want {
			t.Errorf("%.40q: got %s, %v", c.text, m, err)
		}
	}
}

func FuzzParseIDMap(f *testing.F) {
	f.Add([]byte("         0       1000          1\n         1     100000      65536\n"))
	f.Add([]byte("0 0 4294967295"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseIDMap(text)
		if err != nil {
			return
		}
		again, err := ParseIDMap(m.Kernel())
		if err != nil || !again.Equal(m) {
			t.Fatalf("%s became %s, %v", m, again, err)
		}
		_ = m.Validate()
	})
}
