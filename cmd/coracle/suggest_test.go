package main

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "run", 3}, {"run", "", 3}, {"run", "run", 0}, {"rnu", "run", 1}, {"runn", "run", 1},
		{"ru", "run", 1}, {"ran", "run", 1}, {"imgaes", "images", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestUnknownCommand(t *testing.T) {
	for _, tt := range []struct {
		group string
		args  []string
		want  string
	}{
		{"", []string{"imags"}, `unknown command "imags", did you mean "images"?` + "\n  fix: coracle images --help"},
		{"", []string{"rnu", "x"}, `did you mean "run"?`},
		{"", []string{"volum"}, `did you mean "volume"?`},
		{"", []string{"walk"}, "unknown command \"walk\"\n  fix: coracle help"},
		{"", []string{"x"}, "unknown command \"x\"\n  fix: coracle help"},
		{"", []string{"/script"}, "unknown command \"/script\"\n  fix: coracle help"},
		{"", []string{strings.Repeat("run", 1000)}, "\n  fix: coracle help"},
		{"image", []string{"image", "inspec"}, `unknown command "image inspec", did you mean "image inspect"?`},
		{"container", []string{"container", "fly"}, "unknown command \"container fly\"\n  fix: coracle container --help"},
		{"volume", []string{"volume", "lst"}, `did you mean "volume ls"?`},
	} {
		if err := unknownCommand(tt.group, tt.args); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}
