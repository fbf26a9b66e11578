package launcher

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/slirp"
	"coracle/storage"
)

// shelf is a network of which only the ports are real.
type shelf struct {
	there map[slirp.Port]*slirp.Listener
}

func (s *shelf) Publish(l *slirp.Listener) { s.there[l.Port] = l }

func (s *shelf) Withdraw(p slirp.Port) bool {
	l := s.there[p]
	if l == nil {
		return false
	}
	l.Close()
	delete(s.there, p)
	return true
}

func parsedPorts(t *testing.T, text string) []slirp.Port {
	t.Helper()
	list, err := slirp.ParsePorts(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAddAndRemovePorts(t *testing.T) {
	s := &supervisor{req: request{Name: "web", Driver: []string{"pasta", "/usr/bin/pasta"}}}
	into := &shelf{there: make(map[slirp.Port]*slirp.Listener)}
	added, err := s.addPorts(into, parsedPorts(t, "127.0.0.1::80-81"))
	if err != nil || len(added) != 2 || len(into.there) != 2 || !reflect.DeepEqual(s.req.Ports, added) {
		t.Fatalf("%v, %v: %v", added, err, s.req.Ports)
	}
	taken := parsedPorts(t, added[0])[0].HostPort
	// All or none.
	both := []slirp.Port{parsedPorts(t, "127.0.0.1::90")[0], {Protocol: "tcp", HostIP: parsedPorts(t, "127.0.0.1::1")[0].HostIP, HostPort: taken, ContainerPort: 91}}
	if list, err := s.addPorts(into, both); !errors.Is(err, unix.EADDRINUSE) || list != nil || len(into.there) != 2 || len(s.req.Ports) != 2 {
		t.Errorf("%v, %v: %v", list, err, s.req.Ports)
	}
	removed, err := s.removePorts(into, parsedPorts(t, "80"))
	if err != nil || !reflect.DeepEqual(removed, added[:1]) || !reflect.DeepEqual(s.req.Ports, added[1:]) {
		t.Errorf("%v, %v: %v", removed, err, s.req.Ports)
	}
	if removed, err := s.removePorts(into, parsedPorts(t, "80/tcp")); err == nil || removed != nil || !strings.Contains(err.Error(), "fix: coracle port web") {
		t.Errorf("%v, %v", removed, err)
	}
	s.req.Ports = append(s.req.Ports, "127.0.0.1:1:99/tcp") // of the helper
	if _, err := s.removePorts(into, parsedPorts(t, "99")); err == nil || !strings.Contains(err.Error(), "published by pasta when the container started") {
		t.Error(err)
	}
	// Those of a helper and of the host's rules stay, and with them what was asked for together.
	s.net.fixed = []string{"127.0.0.1:1:99/tcp"}
	if removed, err := s.removePorts(into, parsedPorts(t, "81")); err != nil || len(removed) != 1 {
		t.Errorf("%v, %v", removed, err)
	}
	added, err = s.addPorts(into, parsedPorts(t, "127.0.0.1::98"))
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for by, driver := range map[string][]string{"pasta": {"pasta"}, "the host's bridge": nil} {
		s.req.Driver, s.net.rules = driver, null
		if removed, err := s.removePorts(into, parsedPorts(t, "98-99")); err == nil || removed != nil || !strings.Contains(err.Error(), "published by "+by) {
			t.Errorf("%s: %v, %v", by, removed, err)
		}
	}
	if removed, err := s.removePorts(into, append(parsedPorts(t, "98"), parsedPorts(t, "97")...)); err == nil || removed != nil || !slices.Contains(s.req.Ports, added[0]) {
		t.Errorf("one that is not there: %v, %v", removed, err)
	}
	// A network that has ended has none, and nobody else published it.
	s.req.Driver, s.net.rules, s.net.fixed = nil, nil, nil
	if _, err := s.removePorts(into, parsedPorts(t, "99")); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	for _, l := range into.there {
		l.Close()
	}
}

func TestMeant(t *testing.T) {
	p := parsedPorts(t, "127.0.0.1:8080:80")[0]
	for asked, want := range map[string]bool{
		"80": true, "8080:80": true, "127.0.0.1:8080:80/tcp": true, "127.0.0.1::80": true,
		"81": false, "80/udp": false, "8081:80": false, "127.0.0.2::80": false, "[::1]::80": false,
	} {
		if meant(parsedPorts(t, asked)[0], p) != want {
			t.Errorf("%s: %v", asked, !want)
		}
	}
}

func TestWithout(t *testing.T) {
	for _, c := range []struct{ publish, removed, want string }{
		{"8080:80", "8080:80/tcp", ""},
		{"80", "40123:80/tcp", ""},
		{"80 80", "40123:80/tcp", "80"},
		{"8000-8002:80-82 90", "8001:81/tcp", "8000:80/tcp 8002:82/tcp 90"},
		{"127.0.0.1:53:53/udp 53/tcp", "127.0.0.1:53:53/udp", "53/tcp"},
		{"80", "81:81/tcp", "80"}, // of -P
		{"80 81", "40123:80/tcp 40124:81/tcp", ""},
	} {
		if got := without(strings.Fields(c.publish), strings.Fields(c.removed)); strings.Join(got, " ") != c.want {
			t.Errorf("%s without %s: %v", c.publish, c.removed, got)
		}
	}
}

func TestKeepPorts(t *testing.T) {
	x := &containers.Container{Dir: &storage.Dir{Path: t.TempDir()}}
	if err := keepPorts(x, addPort, parsedPorts(t, "80"), nil); err != nil {
		t.Errorf("nothing is kept: %v", err)
	}
	if left, _ := os.ReadDir(x.Dir.Path); len(left) > 0 {
		t.Errorf("made %v", left)
	}
	o := intent.Options{}
	o.Publish = []string{"8080:80"}
	options, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(containers.Intent{Version: 1, Image: "img", Options: options})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(x.Dir.Path, containers.IntentFact), b, 0o600); err != nil {
		t.Fatal(err)
	}
	now := func() (list []string) {
		t.Helper()
		var i containers.Intent
		var o intent.Options
		b, err := x.Dir.ReadFact(containers.IntentFact)
		if err != nil || json.Unmarshal(b, &i) != nil || json.Unmarshal(i.Options, &o) != nil || i.Image != "img" {
			t.Errorf("%s, %v", b, err)
		}
		return o.Publish
	}
	if err := keepPorts(x, addPort, parsedPorts(t, "90-91/udp"), nil); err != nil || !reflect.DeepEqual(now(), []string{"8080:80", ":90/udp", ":91/udp"}) {
		t.Errorf("%v, %v", now(), err)
	}
	if err := keepPorts(x, removePort, nil, []string{"8080:80/tcp", "40123:90/udp"}); err != nil || !reflect.DeepEqual(now(), []string{":91/udp"}) {
		t.Errorf("%v, %v", now(), err)
	}
	if err := os.WriteFile(filepath.Join(x.Dir.Path, containers.IntentFact), b[:20], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keepPorts(x, addPort, parsedPorts(t, "80"), nil); err == nil {
		t.Error("a damaged record was taken")
	}
}

func TestChangePortsRefuses(t *testing.T) {
	r := &resident{supervisor: &supervisor{}}
	for payload, want := range map[string]string{"": "damaged", "80": "damaged", "+http": "invalid port", "+80": "no network of its own", "-80": "no network of its own"} {
		if err := r.changePorts(conn{}, []byte(payload)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", payload, err)
		}
	}
	r.dormant = true
	if err := r.changePorts(conn{}, []byte("+80")); !errors.Is(err, ErrRestarting) {
		t.Errorf("between two runs: %v", err)
	}
}
