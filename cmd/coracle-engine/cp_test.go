//go:build containers_image_openpgp

package main

import (
	"strings"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	for arg, want := range map[string]endpoint{
		"box:/path": {"box", "/path"}, "box:rel": {"box", "rel"}, "box:": {"box", ""}, "box:/a:b": {"box", "/a:b"},
		"/a:b": {"", "/a:b"}, "./a:b": {"", "./a:b"}, "../a:b": {"", "../a:b"}, "file": {"", "file"}, "-": {"", "-"}, ":x": {"", ":x"}, "": {"", ""},
	} {
		if got := parseEndpoint(arg); got != want {
			t.Errorf("%q: %+v", arg, got)
		}
	}
}

func TestCheckEndpoints(t *testing.T) {
	for args, want := range map[string]string{
		"a b": "neither", "- -": "neither", "box: x": "names no path", "x box:": "names no path", "box:/a ": "empty", " box:/a": "empty", "- x": "neither",
		"box:/a x": "", "x box:/a": "", "- box:/a": "", "a:/x b:/y": "",
	} {
		from, to, _ := strings.Cut(args, " ")
		err := (&cpCmd{Source: from, Dest: to}).check(parseEndpoint(from), parseEndpoint(to))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for name, want := range map[string]string{"/a b": "/a b", "/é": "/é", "/a\x1b[2J": `"/a\x1b[2J"`, "/a\nb": `"/a\nb"`, "/\u0085": `"/\u0085"`} {
		if got := visible(name); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}

func TestCommandOf(t *testing.T) {
	for args, want := range map[string]string{"img": "", "img a b": "a b", "-- img a": "a", "--": "", "img -- a": "-- a"} {
		if got := strings.Join(commandOf(strings.Fields(args)), " "); got != want {
			t.Errorf("%q: %q", args, got)
		}
	}
}
