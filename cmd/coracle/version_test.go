package main

import (
	"strings"
	"testing"

	"coracle/launcher"
)

// Clients that call the program podman or docker compare versions.
func TestVersionByName(t *testing.T) {
	for _, tt := range []struct {
		name, version, line string
		server              bool
	}{
		{"coracle", launcher.Version(), "coracle version " + launcher.Version(), true},
		{"podman", podmanVersion, "podman version " + podmanVersion + " (coracle " + launcher.Version() + ")", false},
		{"docker", dockerVersion, "Docker version " + dockerVersion + ", build ", true},
	} {
		v := versionOf(tt.name)
		if v.Client.Version != tt.version || (v.Server != nil) != tt.server || v.Coracle != launcher.Version() || !strings.HasPrefix(v.line(), tt.line) {
			t.Errorf("%s: %+v, %q", tt.name, v, v.line())
		}
		if v.Client.OsArch == "" || v.Client.Built == 0 {
			t.Errorf("%+v", v.Client)
		}
	}
}
