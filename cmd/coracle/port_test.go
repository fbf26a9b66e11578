package main

import "testing"

func TestContainerPort(t *testing.T) {
	for in, want := range map[string]string{"": "", "80": "80/tcp", "53/udp": "53/udp", "080": "80/tcp", "65535/sctp": "65535/sctp"} {
		if got, err := containerPort(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{"0", "65536", "-1", "x", "80/icmp", "80/", "/tcp", "80/tcp/udp"} {
		if got, err := containerPort(bad); err == nil {
			t.Errorf("%q is %q", bad, got)
		}
	}
}
