//go:build containers_image_openpgp

package main

import (
	"slices"
	"testing"

	"github.com/alecthomas/kong"
)

func TestLongBools(t *testing.T) {
	var c struct {
		Human bool     `short:"H" default:"true" negatable:""`
		Quiet bool     `short:"q"`
		File  string   `short:"f"`
		Rest  []string `arg:"" optional:""`
	}
	k, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	got := longBools(k, []string{"-H=false", "-q=true", "-f=x", "-q", "-x=1", "-=", "-H=", "--", "-H=false"})
	want := []string{"--human=false", "--quiet=true", "-f=x", "-q", "-x=1", "-=", "-H=", "--", "-H=false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := k.Parse(longBools(k, []string{"-H=false", "-q=true"})); err != nil || c.Human || !c.Quiet {
		t.Errorf("%v, %v, %v", c.Human, c.Quiet, err)
	}
}
