package seccomp

import "testing"

// defaultCaps is the bounding set a container has when nothing is said.
var defaultCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
	"CAP_SYS_CHROOT",
}

// BenchmarkDefault is what every launch pays: the profile and its filter.
func BenchmarkDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(Default(defaultCaps), "amd64"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is what a launch with other capabilities pays.
func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compile(Default(defaultCaps), &machines[0]); err != nil {
			b.Fatal(err)
		}
	}
}
