package bridge

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
)

// TestGuard: the host forwards nothing for others, only because it does for the
// network, also by a device that comes later; unless somebody makes it a router.
func TestGuard(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	c, err := link.Dial()
	must(t, err)
	defer c.Close()
	lan := func(name, net string) int {
		t.Helper()
		ns, err := link.New(func(*link.Conn) error { return nil })
		must(t, err)
		t.Cleanup(func() { unix.Close(ns) })
		must(t, c.AddVeth(link.Veth{Name: name, Peer: "eth0", PeerNS: ns}))
		run(t, -1, "ip address add "+net+".1/24 dev "+name+"; ip link set "+name+" up")
		run(t, ns, "ip address add "+net+".2/24 dev eth0; ip link set eth0 up; ip route add default via "+net+".1")
		return ns
	}
	others := map[string]int{"lan1": lan("lan1", "198.51.100")}
	serve(t, w.peer, "tcp", ":80")
	closed := func(when string) {
		t.Helper()
		for name, ns := range others {
			if _, err := ask(t, ns, "tcp", "192.0.2.2:80", short); err == nil {
				t.Errorf("%s: the host forwards what comes by %s", when, name)
			}
		}
	}
	closed("before")
	forward(t)
	closed("with a network")
	others["lan2"] = lan("lan2", "203.0.113")
	until(t, "lan2 forwards", func() bool { return forwards(t, "lan2") == "1" })
	closed("with a device that came later")
	protect(t)
	serve(t, others["lan2"], "tcp", ":80")
	for _, to := range []string{"192.0.2.2:80", "203.0.113.2:80"} {
		if seen, err := ask(t, w.one, "tcp", to, long); err != nil || !strings.HasSuffix(seen, ".1") {
			t.Errorf("nor for the network, to %s: %q, %v", to, seen, err)
		}
	}
	must(t, os.WriteFile(sysctls+"ipv4/ip_forward", []byte("1"), 0))
	for name, ns := range others {
		if seen, err := ask(t, ns, "tcp", "192.0.2.2:80", long); err != nil || !strings.HasSuffix(seen, ".2") {
			t.Errorf("a router forwards nothing that comes by %s: %q, %v", name, seen, err)
		}
	}
}
