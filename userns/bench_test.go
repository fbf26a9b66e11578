package userns

import "testing"

// An ordinary user's lookup has a budget of 150 µs.
func BenchmarkLookup(b *testing.B) {
	s := testSystem(b, map[string]string{
		"nsswitch.conf": "passwd: files systemd\ngroup: files systemd\n",
		"passwd":        longPasswd(60) + "ana:x:1000:1000:Ana:/home/ana:/bin/bash\n",
		"subuid":        "bob:100000:65536\nana:165536:65536\n",
		"subgid":        "bob:100000:65536\nana:165536:65536\n",
	})
	b.ReportAllocs()
	for b.Loop() {
		real, err := thisSystem() // what Lookup does first: /proc and capabilities
		if err != nil {
			b.Fatal(err)
		}
		s.uids, s.gids = real.uids, real.gids
		if g := s.lookup(b.Context()); g.Source != SourceFiles {
			b.Fatal(g)
		}
	}
}

func BenchmarkContainerDefault(b *testing.B) {
	g := anaGrant()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Container(Request{}); err != nil {
			b.Fatal(err)
		}
	}
}
