package userns

import "testing"

func TestDirectorySubIDs(t *testing.T) {
	for _, c := range []struct {
		conf string
		want bool
	}{
		{"", false},
		{"passwd: files sss\n", false},
		{"subid: files\n", false},
		{"subid:\n", false},
		{"subid: sss\n", true},
		{"subid:sss", true},
		{"  subid :\tsss\n", true},
		{"subid: files sss\n", true},
		{"subid: files [NOTFOUND=return]\n", false},
		{"subid: files # sss\n", false},
		{"# subid: sss\n", false},
		{"subids: sss\n", false},
		{"subid: files\nsubid: sss\n", false},
	} {
		if got := directorySubIDs([]byte(c.conf)); got != c.want {
			t.Errorf("%q: %v", c.conf, got)
		}
	}
}

func FuzzDirectorySubIDs(f *testing.F) {
	f.Add([]byte("subid: sss [SUCCESS=return] files # x\n"))
	f.Fuzz(func(_ *testing.T, conf []byte) { directorySubIDs(conf) })
}
