package doctor

import "testing"

func TestPing(t *testing.T) {
	value := func(s string) func(*fake) {
		return func(f *fake) { f.files["/proc/sys/net/ipv4/ping_group_range"] = s }
	}
	run(t, []one{
		{"all", func(f *fake) {}, "ping", OK, "gids 0 to 2147483647", ""},
		{"none", value("1 0"), "ping", Warn, "not for gid 1000", "ping_group_range="},
		{"others", value("0 10"), "ping", Warn, "not for", "ping_group_range="},
		{"odd", value("x"), "ping", OK, "cannot be read", ""},
	})
}

func TestPorts(t *testing.T) {
	value := func(s string) func(*fake) {
		return func(f *fake) { f.files["/proc/sys/net/ipv4/ip_unprivileged_port_start"] = s }
	}
	run(t, []one{
		{"usual", value("1024\n"), "ports", OK, "from 1024 on; for 80", ""},
		{"opened", value("80"), "ports", OK, "all that", ""},
		{"root", func(f *fake) { f.uid = 0; value("1024")(f) }, "ports", OK, "all that", ""},
		{"closed", value("5000"), "ports", Warn, "from 5000 on", "port_start=1024"},
		{"odd", value(""), "ports", OK, "cannot be read", ""},
	})
}

func TestDrivers(t *testing.T) {
	have := func(names ...string) func(*fake) {
		return func(f *fake) {
			for _, n := range names {
				f.stats["/usr/bin/"+n] = File{Mode: 0o755}
			}
		}
	}
	run(t, []one{
		{"none", func(*fake) {}, "network drivers", OK, "slirp (built in); not installed, and not needed: pasta, slirp4netns", ""},
		{"one", have("pasta"), "network drivers", OK, "slirp (built in), pasta; not installed, and not needed: slirp4netns", ""},
		{"both", have("pasta", "slirp4netns"), "network drivers", OK, "slirp (built in), pasta, slirp4netns", ""},
	})
}
