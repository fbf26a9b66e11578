package link

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// insideName is the test program in user and network namespaces of its own.
const insideName = "link-test-inside"

// again runs a test there, as root of them.
func again(t *testing.T) (inside bool) {
	t.Helper()
	if os.Args[0] == insideName {
		return true
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{insideName, "-test.run=^" + t.Name() + "$", "-test.v"},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, c *Conn, name string) Device {
	t.Helper()
	list, err := c.List()
	must(t, err)
	for _, d := range list {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no %s in %+v", name, list)
	return Device{}
}

// TestPair: a bridge with a pair, whose other end is in another namespace from
// the start, and all that is said of them is true.
func TestPair(t *testing.T) {
	if !again(t) {
		return
	}
	other, err := New(func(*Conn) error { return nil })
	must(t, err)
	c, err := Dial()
	must(t, err)
	defer c.Close()
	must(t, c.AddBridge(Bridge{Name: "br0", MAC: MAC{2, 0, 0, 0, 0, 1}, MTU: 1400}))
	bridge, err := c.Index("br0")
	must(t, err)
	mac := MAC{2, 0x42, 10, 89, 0, 5}
	must(t, c.AddVeth(Veth{Name: "v5", MTU: 1400, Master: bridge, Peer: "eth0", PeerMAC: mac, PeerNS: other}))
	must(t, c.Up(bridge, 0))
	port := find(t, c, "v5")
	if port.Kind != "veth" || port.Master != bridge || port.MTU != 1400 || port.Up {
		t.Errorf("port %+v", port)
	}
	must(t, c.Mute(port.Index))
	must(t, c.Up(port.Index, 0))
	if d := find(t, c, "br0"); d.Kind != "bridge" || d.MAC != (MAC{2, 0, 0, 0, 0, 1}) || d.MTU != 1400 || !d.Up {
		t.Errorf("bridge %+v", d)
	}
	must(t, In(other, func(c *Conn) error {
		d := find(t, c, "eth0")
		if d.MAC != mac || d.MAC.String() != "02:42:0a:59:00:05" || d.MTU != 1400 || d.Master != 0 {
			t.Errorf("other end %+v", d)
		}
		return nil
	}))
	if err := c.AddVeth(Veth{Peer: "eth0", PeerNS: other}); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a second eth0: %v", err)
	}
	must(t, c.SetMaster(port.Index, 0))
	if d := find(t, c, "v5"); d.Master != 0 {
		t.Errorf("taken out: %+v", d)
	}
	must(t, c.Delete(port.Index))
	if err := c.Delete(port.Index); !errors.Is(err, unix.ENODEV) {
		t.Errorf("deleted twice: %v", err)
	}
	must(t, In(other, func(c *Conn) error {
		if _, err := c.Index("eth0"); !errors.Is(err, unix.ENODEV) {
			t.Errorf("the other end is still there: %v", err)
		}
		return nil
	}))
}

// TestMute: nothing of a muted device's own is seen, and addresses given are.
func TestMute(t *testing.T) {
	if !again(t) {
		return
	}
	c, err := Dial()
	must(t, err)
	defer c.Close()
	for name, muted := range map[string]bool{"br0": true, "br1": false} {
		must(t, c.AddBridge(Bridge{Name: name}))
		index, err := c.Index(name)
		must(t, err)
		must(t, c.NoForwarding(index))
		if muted {
			must(t, c.Mute(index))
		}
		must(t, c.Up(index, 0))
		b, err := os.ReadFile("/proc/thread-self/net/if_inet6")
		must(t, err)
		if has := strings.Contains(string(b), name); has == muted {
			t.Errorf("%s has an address of its own: %v\n%s", name, has, b)
		}
	}
}

// TestRoutes compares with what ip(8) shows.
func TestRoutes(t *testing.T) {
	if !again(t) {
		return
	}
	c, err := Dial()
	must(t, err)
	defer c.Close()
	must(t, c.AddBridge(Bridge{Name: "br0"}))
	index, err := c.Index("br0")
	must(t, err)
	for _, a := range []string{"10.89.0.5/24", "fd00:1::5/64"} {
		must(t, c.AddAddress(index, netip.MustParsePrefix(a)))
	}
	must(t, c.Up(index, 0))
	gateway4, gateway6 := netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("fd01::1")
	host := Route{Index: index, To: netip.PrefixFrom(gateway4, 32), Source: netip.MustParseAddr("10.89.0.5")}
	for _, r := range []Route{
		host, {Index: index, To: Anywhere(gateway4), Gateway: gateway4, Source: host.Source, Metric: 7},
		{Index: index, To: netip.PrefixFrom(gateway6, 128)},
		{Index: index, To: Anywhere(gateway6), Gateway: gateway6, Source: netip.MustParseAddr("fd00:1::5")},
	} {
		must(t, c.AddRoute(r))
	}
	if err := c.AddRoute(host); !errors.Is(err, unix.EEXIST) {
		t.Errorf("the same once more: %v", err)
	}
	for _, want := range []string{
		"-4: default via 10.1.1.1 dev br0 src 10.89.0.5 metric 7", "-4: 10.1.1.1 dev br0 scope link src 10.89.0.5", "-4: 10.89.0.0/24 dev br0",
		"-6: default via fd01::1 dev br0 src fd00:1::5", "-6: fd01::1 dev br0",
	} {
		family, route, _ := strings.Cut(want, ": ")
		out, err := exec.Command("ip", family, "route").Output()
		must(t, err)
		if text := strings.ReplaceAll(string(out), "proto boot ", ""); !strings.Contains(text, route) {
			t.Errorf("no %q in\n%s", route, text)
		}
	}
	must(t, c.DeleteRoute(host))
	if err := c.DeleteRoute(host); !errors.Is(err, unix.ESRCH) {
		t.Errorf("deleted twice: %v", err)
	}
}

// TestNew: the namespace lives as long as its descriptor, and a failure leaves none.
func TestNew(t *testing.T) {
	if !again(t) {
		return
	}
	ns, err := New(func(c *Conn) error { return c.AddBridge(Bridge{Name: "br0"}) })
	must(t, err)
	must(t, In(ns, func(c *Conn) error { _, err := c.Index("br0"); return err }))
	c, err := Dial()
	must(t, err)
	defer c.Close()
	if _, err := c.Index("br0"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("the bridge is here, too: %v", err)
	}
	why := errors.New("no")
	if ns, err := New(func(*Conn) error { return why }); ns != -1 || !errors.Is(err, why) {
		t.Errorf("New that fails: %d, %v", ns, err)
	}
	if err := In(0, func(*Conn) error { return nil }); !errors.Is(err, unix.EINVAL) {
		t.Errorf("In what is no namespace: %v", err)
	}
}

// FuzzAnswer: whatever comes over the socket, it is read within its bounds.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{36, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 3, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &Conn{sequence: 1}
		_, _ = c.take(b, func(_ uint16, payload []byte) {
			if d, ok := parseDevice(payload); ok && d.Name == "" {
				t.Error("a device without a name")
			}
		})
	})
}
