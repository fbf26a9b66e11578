package launcher

import "testing"

func TestPortForms(t *testing.T) {
	for _, tt := range []struct {
		p               Port
		container, host string
	}{
		{Port{"tcp", 80, "0.0.0.0", 8080}, "80/tcp", "0.0.0.0:8080"},
		{Port{"udp", 53, "::", 5353}, "53/udp", "[::]:5353"},
	} {
		if tt.p.Container() != tt.container || tt.p.Host() != tt.host {
			t.Errorf("%q %q", tt.p.Container(), tt.p.Host())
		}
	}
}
