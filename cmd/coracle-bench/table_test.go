package main

import (
	"errors"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	tb := &table{align: "lrl"}
	tb.add("", "median", "verdict")
	tb.add("crün", "3.10", "")
	tb.add("a longer name", "10", "missed by 2 ×")
	var out strings.Builder
	if err := tb.write(&out); err != nil {
		t.Fatal(err)
	}
	want := `               median  verdict
crün             3.10
a longer name      10  missed by 2 ×
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if err := tb.write(failing{}); err == nil {
		t.Error("a full disk is no error")
	}
	if err := (&table{}).write(failing{}); err != nil {
		t.Errorf("an empty table: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "-", 0.123: "0.12", 1.005: "1.00", 12.34: "12.3", 123.4: "123", 99999: "99999"} {
		if got := digits(v); got != want {
			t.Errorf("%v is shown as %q, want %q", v, got, want)
		}
	}
	if times(0) != "-" || times(2) != "2.00 ×" {
		t.Error(times(0), times(2))
	}
}
