package doctor

import (
	"strings"
	"testing"
)

func TestWriteText(t *testing.T) {
	checks := []Check{
		{Name: "kernel", Status: OK, Detail: "6.1"},
		{Name: "user bus", Status: Warn, Detail: "none\x1b[2J", Cost: "no limits", Fix: "do this\nthen that"},
		{Name: "x", Status: Fail, Detail: "bad"},
	}
	want := `ok    kernel    6.1
warn  user bus  none?[2J
      cost: no limits
      fix:  do this
            then that
fail  x         bad

1 ok, 1 warn, 1 fail
`
	var b strings.Builder
	if err := WriteText(&b, checks, false); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestColor(t *testing.T) {
	var b strings.Builder
	if err := WriteText(&b, []Check{{Name: "a", Status: Fail, Detail: "d"}}, true); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "\x1b[31mfail\x1b[0m  a  d\n") {
		t.Errorf("%q", b.String())
	}
}
