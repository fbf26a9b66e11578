package bridge

import (
	"os"
	"slices"
	"testing"
)

// TestKeeperLater: a device that appears, gets another name and comes again is
// forwarded for, too, and all of it is put back; what another has switched on stays on.
func TestKeeperLater(t *testing.T) {
	if !again(t) {
		return
	}
	newWorld(t)
	k := Keeper{Dir: t.TempDir()}
	done := keep(t, k)
	on := func(name string) func() bool { return func() bool { return forwards(t, name) == "1" } }
	run(t, -1, "ip link add tun0 type bridge")
	until(t, "tun0 forwards", on("tun0"))
	run(t, -1, "ip link set tun0 name vpn.5") // udev(7) does that to what is plugged in
	noted := func(name string) func() bool {
		return func() bool {
			list, err := k.record()
			must(t, err)
			return slices.ContainsFunc(list, func(s Setting) bool { return s.device() == name })
		}
	}
	until(t, "the record has the new name", noted("vpn.5"))
	run(t, -1, "ip link add tun0 type bridge")
	until(t, "the next tun0 forwards", on("tun0"))
	run(t, -1, "ip link del tun0")
	run(t, -1, "ip link add tun0 type bridge")
	until(t, "it forwards again", on("tun0"))
	must(t, os.WriteFile(sysctls+"ipv4/conf/default/forwarding", []byte("1"), 0))
	run(t, -1, "ip link add theirs type bridge")
	remove(t, Device)
	must(t, <-done)
	for name, want := range map[string]string{"ext0": "0", "tun0": "0", "vpn.5": "0", "theirs": "1", "default": "1"} {
		if have := forwards(t, name); have != want {
			t.Errorf("%s: forwarding is %s at the end, want %s", name, have, want)
		}
	}
}

func TestMoved(t *testing.T) {
	setting := func(family, device string) Setting {
		return Setting{sysctls + family + "/conf/" + device + "/forwarding", "0"}
	}
	old := map[int]string{2: "eth0", 3: "eth1", 4: "tun0"}
	now := map[int]string{2: "eth1", 3: "dock", 5: "tun0"}
	have := moved([]Setting{setting("ipv4", "all"), setting("ipv4", "eth0"), setting("ipv6", "eth1"), setting("ipv4", "tun0"), setting("ipv4", "gone")}, old, now)
	want := []Setting{setting("ipv4", "all"), setting("ipv4", "eth1"), setting("ipv6", "dock")}
	if !slices.Equal(have, want) {
		t.Errorf("%v, want %v", have, want)
	}
}
