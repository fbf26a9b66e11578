package bridge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
	"coracle/slirp/link"
)

func forwards(t *testing.T, device string) string {
	t.Helper()
	b, err := os.ReadFile(sysctls + "ipv4/conf/" + device + "/forwarding")
	must(t, err)
	return strings.TrimSpace(string(b))
}

func remove(t *testing.T, name string) {
	t.Helper()
	c, err := link.Dial()
	must(t, err)
	defer c.Close()
	index, err := c.Index(name)
	must(t, err)
	must(t, c.Delete(index))
}

// keep starts a keeper, and returns what tells its end.
func keep(t *testing.T, k Keeper) chan error {
	t.Helper()
	ready, done := make(chan error, 1), make(chan error, 1)
	go func() { done <- k.Keep(func(err error) { ready <- err }) }()
	must(t, <-ready)
	return done
}

// TestKeeper: what was switched on is off again when the device is gone, and only that.
func TestKeeper(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	c, err := link.Dial()
	must(t, err)
	defer c.Close()
	must(t, c.AddBridge(link.Bridge{Name: "docker0"}))
	must(t, os.WriteFile(sysctls+"ipv4/conf/docker0/forwarding", []byte("1"), 0))
	k := Keeper{Dir: t.TempDir()}
	if needed, err := k.Needed(); !needed || err != nil {
		t.Errorf("needed: %v, %v", needed, err)
	}
	done := keep(t, k)
	if needed, err := k.Needed(); needed || err != nil {
		t.Errorf("needed a second time: %v, %v", needed, err)
	}
	for _, d := range []string{"ext0", Device, "docker0"} {
		if forwards(t, d) != "1" {
			t.Errorf("%s does not forward", d)
		}
	}
	for _, d := range []string{"all", "default"} {
		if forwards(t, d) != "0" {
			t.Errorf("%s is switched on", d)
		}
	}
	if err := k.Keep(func(error) {}); err == nil {
		t.Error("two keepers at once")
	}
	must(t, k.Sweep()) // is nothing to it as long as it is kept
	remove(t, "docker0")
	l, err := Lock(k.Dir)
	must(t, err)
	remove(t, Device)
	w.uplink(t) // a new network is quicker than the keeper
	l.Close()
	if forwards(t, "ext0") != "1" {
		t.Error("forwarding ended although there is a network")
	}
	remove(t, Device)
	must(t, <-done)
	if forwards(t, "ext0") != "0" {
		t.Error("ext0 forwards still")
	}
	if left, err := filepath.Glob(filepath.Join(k.Dir, "*.json*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// until waits for what another thread, or the kernel, is about to do.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(long); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not: " + what)
		}
	}
}

// TestKeeperLate: the device may be gone before anybody looks; nobody tells of that.
func TestKeeperLate(t *testing.T) {
	if !again(t) {
		return
	}
	newWorld(t)
	k := Keeper{Dir: t.TempDir()}
	remove(t, Device)
	must(t, <-keep(t, k))
	if forwards(t, "ext0") != "0" || k.Left() {
		t.Error("not put back")
	}
}

// TestKeeperAgain: a network that follows another at once is forwarded for, whether the
// keeper of the first has noticed its end or not.
func TestKeeperAgain(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	k := Keeper{Dir: t.TempDir()}
	var ends []chan error
	for round := range 30 {
		l, err := Lock(k.Dir)
		must(t, err)
		must(t, Uplink{NS: w.network, Port: "host0"}.Make())
		needed, err := k.Needed()
		must(t, err)
		if needed {
			ends = append(ends, keep(t, k))
		}
		l.Close()
		if forwards(t, "ext0") != "1" {
			t.Fatalf("round %d: nothing is forwarded", round)
		}
		remove(t, Device)
		if round%3 == 0 { // else the keeper may be late
			for _, e := range ends {
				must(t, <-e)
			}
			ends = nil
		}
	}
	for _, e := range ends {
		must(t, <-e)
	}
	if forwards(t, "ext0") != "0" || k.Left() {
		t.Error("not put back")
	}
}

// TestKeeperKilled: another puts back what a killed one changed, when nobody needs it,
// or takes over.
func TestKeeperKilled(t *testing.T) {
	if !again(t) {
		return
	}
	newWorld(t)
	k := Keeper{Dir: t.TempDir()}
	c, err := nft.Dial()
	must(t, err)
	must(t, (&follower{Keeper: k, rules: c}).look())
	c.Close() // so the kernel does with a process that is killed
	must(t, k.Sweep())
	if forwards(t, "ext0") != "1" {
		t.Error("swept although there is a network")
	}
	if needed, err := k.Needed(); !needed || err != nil {
		t.Errorf("nobody is to take over: %v, %v", needed, err)
	}
	done := keep(t, k)
	remove(t, Device)
	must(t, <-done)
	if forwards(t, "ext0") != "0" {
		t.Error("what the first one changed is not put back")
	}
	c, err = nft.Dial()
	must(t, err)
	must(t, (&follower{Keeper: k, rules: c}).look())
	c.Close()
	must(t, k.Sweep())
	if forwards(t, "ext0") != "0" {
		t.Error("not swept")
	}
}

// TestKeeperRouter: who makes the host a router meanwhile has it stay one.
func TestKeeperRouter(t *testing.T) {
	if !again(t) {
		return
	}
	newWorld(t)
	done := keep(t, Keeper{Dir: t.TempDir()})
	must(t, os.WriteFile(sysctls+"ipv4/ip_forward", []byte("1"), 0))
	remove(t, Device)
	must(t, <-done)
	if forwards(t, "ext0") != "1" || forwards(t, "all") != "1" {
		t.Error("the host is no router any more")
	}
}

func TestObstacle(t *testing.T) {
	forward := func(table, chain string, family uint8, drops bool) nft.Hooked {
		return nft.Hooked{Family: family, Table: table, Chain: chain, Hook: unix.NF_INET_FORWARD, Drops: drops}
	}
	input := nft.Hooked{Table: "filter", Chain: "INPUT", Hook: unix.NF_INET_LOCAL_IN, Drops: true}
	for want, h := range map[string]nft.Hooked{
		"": forward("filter", "FORWARD", unix.NFPROTO_IPV4, false),
		"sudo iptables -I FORWARD -i coracle0 -j ACCEPT; sudo iptables -I FORWARD -o coracle0 -j ACCEPT":                     forward("filter", "FORWARD", unix.NFPROTO_IPV4, true),
		"sudo ip6tables -I FORWARD -i coracle0 -j ACCEPT; sudo ip6tables -I FORWARD -o coracle0 -j ACCEPT":                   forward("filter", "FORWARD", unix.NFPROTO_IPV6, true),
		"sudo firewall-cmd --zone=trusted --add-interface=coracle0":                                                          forward("firewalld", "filter_FORWARD", unix.NFPROTO_INET, false),
		"sudo nft insert rule inet mine f iifname coracle0 accept; sudo nft insert rule inet mine f oifname coracle0 accept": forward("mine", "f", unix.NFPROTO_INET, true),
	} {
		_, fix, _ := strings.Cut(obstacle([]nft.Hooked{input, h}), "\n  fix: ")
		if fix != want {
			t.Errorf("%+v: %q", h, fix)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`[{"Path":"/proc/sys/net/ipv4/conf/eth0/forwarding","Value":"0"},{"Path":"/proc/sys/kernel/core_pattern","Value":"0"}]`))
	f.Add([]byte(`[{"Path":"/proc/sys/net/ipv4/conf/../forwarding","Value":"0"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := decodeRecord(b)
		for _, s := range list {
			if err != nil || s.Value != "0" || filepath.Clean(s.Path) != s.Path || !strings.HasPrefix(s.Path, sysctls) || !strings.HasSuffix(s.Path, "forwarding") {
				t.Errorf("%+v", s)
			}
		}
	})
}
