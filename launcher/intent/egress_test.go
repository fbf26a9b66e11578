package intent

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestEgress(t *testing.T) {
	for _, c := range []struct {
		egress, network, dns []string
		want                 string // the rules
		kind                 error
		text                 string
	}{
		{egress: []string{"lan,example.org:443", "[2001:db8::/32]:80/tcp"}, want: "lan example.org:443 [2001:db8::/32]:80/tcp"},
		{egress: []string{"none"}, want: "none"},
		{egress: []string{"lan"}, network: []string{"slirp:egress=example.org,mtu=9000"}, want: "example.org lan"},
		{network: []string{"slirp:egress=internet"}, want: "internet"},
		{egress: []string{"lan"}, dns: []string{"192.0.2.53"}, want: "lan"},
		{egress: []string{"192.0.2.0/24"}, dns: []string{"192.0.2.53"}, want: "192.0.2.0/24"},
		{egress: []string{"example.org"}, dns: []string{"none"}, want: "example.org"},
		{egress: []string{"example.org"}, dns: []string{"192.0.2.53"}, kind: ErrConflict, text: "--dns conflicts with --egress with a name"},
		{egress: []string{"lan"}, network: []string{"none"}, kind: ErrConflict, text: "--egress conflicts with --network none"},
		{egress: []string{"lan"}, network: []string{"host"}, kind: ErrConflict, text: "--egress conflicts with --network host"},
		{egress: []string{"lan"}, network: []string{"container:db"}, kind: ErrConflict, text: "--egress conflicts with --network container:db"},
		{egress: []string{"none,lan"}, kind: ErrInvalid, text: "none is said together with another rule"},
		{egress: []string{"none"}, network: []string{"slirp:egress=lan"}, kind: ErrInvalid, text: "none is said together with another rule"},
		{egress: []string{""}, kind: ErrInvalid, text: `invalid --egress "": "": "" is not a name or an address`},
		{egress: []string{"example.org:http"}, kind: ErrInvalid, text: `"http" is not a port`},
		{network: []string{"slirp:egress=-x"}, kind: ErrInvalid, text: "is not a name or an address"},
	} {
		_, x, err := Build(ask(func(o *Options) { o.Egress, o.Network, o.DNS = c.egress, c.network, c.dns }, "debian"))
		if c.kind != nil {
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%q %q %q: %v", c.egress, c.network, c.dns, err)
			}
			continue
		}
		if err != nil || x.Slirp == nil || !slices.Equal(x.Slirp.Egress, strings.Fields(c.want)) {
			t.Errorf("%q %q: %+v, %v", c.egress, c.network, x, err)
		}
	}
}
