package launcher

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coracle/launcher/containers"
	"coracle/launcher/usernet"
	"coracle/slirp"
	"coracle/slirp/networks"
	"coracle/storage"
)

func TestDenials(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "denied.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &containers.Container{Dir: &storage.Dir{Path: dir}}
	d := newDenials(dir)
	if _, err := os.Stat(filepath.Join(dir, "denied.json")); !os.IsNotExist(err) {
		t.Errorf("what the run before had been denied is still there: %v", err)
	}
	if c.Denied() != nil {
		t.Error("something was denied before anything was")
	}
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	a := slirp.Denial{Protocol: "tcp", Address: netip.MustParseAddr("2001:db8::1"), Port: 443, Name: "www.example"}
	for i := range 5 {
		a.Time = start.Add(time.Duration(i) * time.Second)
		d.note(a)
	}
	d.note(slirp.Denial{Time: start, Protocol: "dns", Name: "other.example"})
	for i := range 2 * mostAttempts {
		d.note(slirp.Denial{Time: start, Protocol: "udp", Address: netip.MustParseAddr("192.0.2.1"), Port: uint16(i + 1)})
	}
	d.flush()
	got := c.Denied()
	if got == nil || len(got.Attempts) != mostAttempts || got.Others != mostAttempts+2 {
		t.Fatalf("%+v", got)
	}
	first := containers.Attempt{First: start, Last: start.Add(4 * time.Second), Count: 5, Protocol: "tcp", Address: "2001:db8::1", Port: 443, Name: "www.example"}
	if got.Attempts[0] != first {
		t.Errorf("%+v", got.Attempts[0])
	}
	if second := got.Attempts[1]; second.Protocol != "dns" || second.Address != "" || second.Name != "other.example" || second.Count != 1 {
		t.Errorf("%+v", second)
	}
}

// The list is written without anybody asking for it.
func TestDenialsKept(t *testing.T) {
	dir := t.TempDir()
	c := &containers.Container{Dir: &storage.Dir{Path: dir}}
	d := newDenials(dir)
	for i := range 3 {
		d.note(slirp.Denial{Time: time.Now(), Protocol: "dns", Name: fmt.Sprint("name", i)})
		for c.Denied() == nil || len(c.Denied().Attempts) != i+1 {
			time.Sleep(time.Millisecond) // the test's own limit ends this
		}
	}
}

// The longest names there are fit into the fact.
func TestDenialsSize(t *testing.T) {
	dir := t.TempDir()
	d := newDenials(dir)
	name := ""
	for range 250 {
		name += `\000`
	}
	for i := range mostAttempts {
		d.note(slirp.Denial{Time: time.Now(), Protocol: "dns", Name: fmt.Sprint(name, i)})
	}
	d.flush()
	if got := (&containers.Container{Dir: &storage.Dir{Path: dir}}).Denied(); got == nil || len(got.Attempts) != mostAttempts {
		t.Error("the list could not be written")
	}
}

// A way out that nobody watches is no way for a container with rules.
func TestBypass(t *testing.T) {
	j := &usernet.Membership{Network: &networks.Network{Name: "lan"}}
	for options, allowed := range map[string]bool{"": true, "mtu=1400": true, "egress=internet": false, "mtu=1400,egress=none": false, "nonsense": false} {
		s := &supervisor{req: request{Network: options}}
		if err := s.mayBypass(j); (err == nil) != allowed {
			t.Errorf("%q: %v", options, err)
		}
	}
}
