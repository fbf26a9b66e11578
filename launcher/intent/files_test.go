package intent

import (
	"strings"
	"testing"
)

func fileAt(e *Extras, name string) string {
	for _, f := range e.Files {
		if f.Path == name {
			return string(f.Content)
		}
	}
	return "none"
}

func TestHosts(t *testing.T) {
	const local = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"
	const gateway = "10.0.2.2\thost.containers.internal host.docker.internal\n"
	const hostEntries = "127.0.0.1\tlocalhost\n::1\tlocalhost\n10.0.0.9\tnas nas.lan\n127.0.1.1\thost\n"
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"plain", nil, local + gateway + "10.0.2.100\t0123456789ab\n"},
		{"no network", func(o *Options) { o.Network = []string{"none"} }, local + "127.0.0.1\t0123456789ab\n"},
		{"named", func(o *Options) { o.Name, o.Hostname = "web", "h.lan" }, local + gateway + "10.0.2.100\th.lan web\n"},
		{"same names", func(o *Options) { o.Name, o.Hostname = "web", "web" }, local + gateway + "10.0.2.100\tweb\n"},
		{"added", func(o *Options) { o.AddHost = []string{"a:1.2.3.4", "b;c:::2", "d=[::3]"} },
			"1.2.3.4\ta\n::2\tb c\n::3\td\n" + local + gateway + "10.0.2.100\t0123456789ab\n"},
		{"localhost replaced", func(o *Options) { o.AddHost = []string{"localhost:127.0.0.2"} },
			"127.0.0.2\tlocalhost\n" + gateway + "10.0.2.100\t0123456789ab\n"},
		{"own name replaced", func(o *Options) { o.Hostname, o.AddHost = "me", []string{"me:9.9.9.9"} }, "9.9.9.9\tme\n" + local + gateway},
		{"host", func(o *Options) { o.Network = []string{"host"} }, hostEntries},
		{"host and a name", func(o *Options) { o.Network, o.Hostname = []string{"host"}, "box" }, hostEntries + "127.0.0.1\tbox\n"},
		{"own gateway", func(o *Options) { o.AddHost = []string{"gw:host-gateway"} }, "10.0.2.2\tgw\n" + local + gateway + "10.0.2.100\t0123456789ab\n"},
		{"host gateway", func(o *Options) { o.Network, o.AddHost = []string{"host"}, []string{"gw:host-gateway"} }, "127.0.0.1\tgw\n" + hostEntries},
		{"none", func(o *Options) { o.NoHosts = true }, "none"},
		{"host without its entries", func(o *Options) { o.Network, o.HostsFile = []string{"host"}, "none" }, local + "127.0.0.1\thost\n"},
		{"a file", func(o *Options) { o.Network, o.HostsFile = []string{"none"}, "hosts" }, "192.0.2.9\tnine\n" + local + "127.0.0.1\t0123456789ab\n"},
		{"the image's", func(o *Options) { o.Network, o.HostsFile = []string{"none"}, "image" }, "192.0.2.8\teight\n" + local + "127.0.0.1\t0123456789ab\n"},
		{"mounted", func(o *Options) { o.Volume = []string{"/src/file:/etc/hosts"} }, "none"},
		{"network of another", func(o *Options) { o.Network = []string{"container:a"} }, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, e := mustBuild(t, ask(c.change))
			if got := fileAt(e, "/etc/hosts"); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
	_, _, err := Build(ask(func(o *Options) { o.HostsFile = "/no/such" }))
	wantErr(t, err, ErrNotFound, "--hosts-file /no/such")
	for _, c := range []func(*Options){func(o *Options) { o.NoHosts = true }, func(o *Options) { o.Network = []string{"container:a"} }} {
		_, _, err := Build(ask(func(o *Options) { o.HostsFile = "none"; c(o) }))
		wantErr(t, err, ErrConflict, "--hosts-file")
	}
	for _, bad := range []string{"", "a", ":1.2.3.4", "a:", "a:b", "a b:1.2.3.4", "a\n6.6.6.6 b:1.2.3.4", "a;:1.2.3.4", "a:1.2.3.4\n", "a:[::1", "-a:1.2.3.4"} {
		_, _, err := Build(ask(func(o *Options) { o.AddHost = []string{bad} }))
		wantErr(t, err, ErrInvalid, "--add-host")
	}
	_, _, err = Build(ask(func(o *Options) { o.Network, o.AddHost = []string{"none"}, []string{"a:host-gateway"} }))
	wantErr(t, err, ErrUnsupported, "--network host")
}

func TestResolvConf(t *testing.T) {
	const hostFile = "# c\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch lan example.org\noptions edns0\n"
	host := func(change func(*Options)) func(*Options) {
		return func(o *Options) {
			o.Network = []string{"host"}
			if change != nil {
				change(o)
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"plain", nil, "search lan example.org\nnameserver 10.0.2.3\nnameserver 10.0.2.4\noptions edns0\n"},
		{"plain with a server", func(o *Options) { o.DNS = []string{"1.1.1.1"} }, "search lan example.org\nnameserver 1.1.1.1\noptions edns0\n"},
		{"none", func(o *Options) { o.Network = []string{"none"} }, NoDNS},
		{"none with a server", func(o *Options) { o.Network, o.DNS = []string{"none"}, []string{"1.1.1.1", "fe80::1%eth0"} }, "nameserver 1.1.1.1\nnameserver fe80::1%eth0\n"},
		{"host", host(nil), hostFile},
		{"host, other server", host(func(o *Options) { o.DNS = []string{"1.1.1.1"} }), "search lan example.org\nnameserver 1.1.1.1\noptions edns0\n"},
		{"host, no search", host(func(o *Options) { o.DNSSearch = []string{"."} }), "nameserver 10.0.0.1\nnameserver 10.0.0.2\noptions edns0\n"},
		{"host, all", host(func(o *Options) {
			o.DNS, o.DNSSearch, o.DNSOption = []string{"9.9.9.9"}, []string{"a.b", "c."}, []string{"ndots:2", "rotate"}
		}), "search a.b c.\nnameserver 9.9.9.9\noptions ndots:2 rotate\n"},
		{"lists", host(func(o *Options) {
			o.DNS, o.DNSSearch, o.DNSOption = []string{"9.9.9.9,::9"}, []string{"a.b,c"}, []string{"ndots:2,rotate"}
		}), "search a.b c\nnameserver 9.9.9.9\nnameserver ::9\noptions ndots:2 rotate\n"},
		{"image's", func(o *Options) { o.DNS = []string{"none"} }, "none"},
		{"mounted", func(o *Options) { o.Tmpfs = []string{"/etc/resolv.conf"} }, "none"},
		{"network of another", func(o *Options) { o.Network = []string{"container:a"} }, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, e := mustBuild(t, ask(c.change))
			if got := fileAt(e, "/etc/resolv.conf"); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
	for _, c := range []struct {
		change func(*Options)
		kind   error
	}{
		{func(o *Options) { o.DNS = []string{"dns.lan"} }, ErrInvalid},
		{func(o *Options) { o.DNS = []string{"1.1.1.1\nsearch x"} }, ErrInvalid},
		{func(o *Options) { o.DNS = []string{"1.1.1.1", "none"} }, ErrConflict},
		{func(o *Options) { o.DNSSearch = []string{"a b"} }, ErrInvalid},
		{func(o *Options) { o.DNSSearch = []string{".", "a"} }, ErrConflict},
		{func(o *Options) { o.DNSOption = []string{"a\nb"} }, ErrInvalid},
		{func(o *Options) { o.DNSOption = []string{""} }, ErrInvalid},
	} {
		_, _, err := Build(ask(c.change))
		wantErr(t, err, c.kind, "--dns")
	}
	in := ask(host(nil))
	in.Host.ReadFile = nil
	if _, e := mustBuild(t, in); fileAt(e, "/etc/resolv.conf") != "none" {
		t.Error("a host without resolv.conf gives one")
	}
}

func TestHostname(t *testing.T) {
	for _, c := range []struct {
		name         string
		change       func(*Options)
		spec, inside string
	}{
		{"id", nil, "0123456789ab", "0123456789ab\n"},
		{"given", func(o *Options) { o.Hostname = "box-1.lan" }, "box-1.lan", "box-1.lan\n"},
		{"host network keeps the name", func(o *Options) { o.Network = []string{"host"} }, "host", "host\n"},
		{"uts of the host", func(o *Options) { o.UTS = "host" }, "", "host\n"},
		{"uts of another", func(o *Options) { o.UTS = "container:a" }, "", "none"},
		{"left", func(o *Options) { o.NoHostname = true }, "0123456789ab", "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, e := mustBuild(t, ask(c.change))
			if s.Hostname != c.spec || fileAt(e, "/etc/hostname") != c.inside {
				t.Errorf("%q %q", s.Hostname, fileAt(e, "/etc/hostname"))
			}
			if has := strings.Contains(strings.Join(s.Process.Env, "\n"), "HOSTNAME="); has != (c.name != "uts of another") {
				t.Errorf("HOSTNAME is set: %v", has)
			}
		})
	}
	s, _ := mustBuild(t, ask(func(o *Options) { o.Domainname = "corp_1.example" }))
	if s.Domainname != "corp_1.example" {
		t.Error(s.Domainname)
	}
	for _, uts := range []string{"host", "container:a"} {
		_, _, err := Build(ask(func(o *Options) { o.UTS, o.Hostname = uts, "x" }))
		wantErr(t, err, ErrConflict, "--uts "+uts)
	}
}

func TestNames(t *testing.T) {
	for _, ok := range []string{"a", "A9", "a_b.c-d", strings.Repeat("a", 128)} {
		if err := ValidName(ok); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".a", "-a", "_a", "a/b", "a b", "a\n", "ä", "..", strings.Repeat("a", 129)} {
		wantErr(t, ValidName(bad), ErrInvalid, "--name")
	}
	for _, ok := range []string{"a", "a.b", "a-b", "x_y", "1", strings.Repeat("a", 63)} {
		if err := validHostname("--hostname", ok, 64); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a/b", strings.Repeat("a", 64), strings.Repeat("a.", 40) + "a"} {
		wantErr(t, validHostname("--hostname", bad, 64), ErrInvalid, "--hostname")
	}
}

func TestTimeZone(t *testing.T) {
	for tz, want := range map[string]string{"": "none", "local": "TZif2 local", "Europe/Berlin": "TZif2..."} {
		_, e := mustBuild(t, ask(func(o *Options) { o.TZ = tz }))
		if got := fileAt(e, "/etc/localtime"); got != want {
			t.Errorf("%q: %q", tz, got)
		}
	}
	for tz, kind := range map[string]error{"Mars/Olympus": ErrNotFound, "../../../secret": ErrInvalid, "/etc/localtime": ErrInvalid, "tzdata.zi": ErrInvalid, "a\x00": ErrInvalid, "Europe//Berlin": ErrInvalid} {
		_, _, err := Build(ask(func(o *Options) { o.TZ = tz }))
		wantErr(t, err, kind, "--tz")
	}
}

func TestFilesOfAReadOnlyRoot(t *testing.T) {
	for _, ro := range []bool{false, true} {
		_, e := mustBuild(t, ask(func(o *Options) { o.ReadOnly = ro }))
		for _, f := range e.Files {
			if f.ReadOnly != ro || f.Mode != 0o644 {
				t.Errorf("%+v", f)
			}
		}
	}
}
