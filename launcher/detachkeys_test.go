package launcher

import "testing"

func TestDetachKeys(t *testing.T) {
	for _, tt := range []struct {
		keys string
		in   []string
		want string
		over bool
	}{
		{"pq", []string{"hello"}, "hello", false},
		{"pq", []string{"apqb"}, "a", true},
		{"pq", []string{"ap", "q"}, "a", true},
		{"pq", []string{"p", "x"}, "px", false},
		{"pq", []string{"pp", "q"}, "p", true},
		{"pq", []string{"p"}, "", false},
		{"aab", []string{"aaab"}, "a", true},
		{"aab", []string{"aac"}, "aac", false},
		{"abab", []string{"aba", "cabab"}, "abac", true},
		{"", []string{"pq"}, "pq", false},
		{"x", []string{"x"}, "", true},
	} {
		d := detachKeys{keys: []byte(tt.keys)}
		got, over := "", false
		for _, in := range tt.in {
			var pass []byte
			pass, over = d.feed([]byte(in))
			got += string(pass)
		}
		if got != tt.want || over != tt.over {
			t.Errorf("%q, %q: %q %v", tt.keys, tt.in, got, over)
		}
	}
}

// Whatever the pieces: what is passed is what was typed, up to the keys.
func FuzzDetachKeys(f *testing.F) {
	f.Add("pq", "hepllpqo", 3)
	f.Fuzz(func(t *testing.T, keys, in string, size int) {
		if len(keys) == 0 || len(keys) > 8 || size < 1 {
			return
		}
		d := detachKeys{keys: []byte(keys)}
		got, over := "", false
		for rest := in; rest != "" && !over; {
			n := min(size, len(rest))
			var pass []byte
			pass, over = d.feed([]byte(rest[:n]))
			got, rest = got+string(pass), rest[n:]
		}
		at := indexOf(in, keys)
		switch {
		case over != (at >= 0):
			t.Errorf("over %v, keys at %d", over, at)
		case over && got != in[:at]:
			t.Errorf("%q instead of %q", got, in[:at])
		case !over && got+keys[:d.matched] != in:
			t.Errorf("%q and %q kept of %q", got, keys[:d.matched], in)
		}
	})
}

func indexOf(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i:i+len(sub)] == sub {
			return i
		}
	}
	return -1
}
