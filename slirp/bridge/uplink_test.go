package bridge

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
)

// TestUplink: the device leads into the network that asks last; who asks again changes
// nothing, and what is left of another network goes.
func TestUplink(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	index := func() int {
		c, err := link.Dial()
		must(t, err)
		defer c.Close()
		list, err := c.List()
		must(t, err)
		if slices.ContainsFunc(list, func(d link.Device) bool { return strings.HasPrefix(d.Name, Device+"-") }) {
			t.Errorf("left: %+v", list)
		}
		i, err := c.Index(Device)
		must(t, err)
		return i
	}
	first := index()
	must(t, Uplink{NS: w.network, Port: "host0"}.Make())
	if index() != first {
		t.Error("made anew, although it was there")
	}
	// Its maker was killed at once, another while it tried.
	run(t, -1, "ip address flush dev coracle0; ip link set coracle0 down; ip link add coracle0-new type bridge")
	must(t, os.WriteFile(sysctls+"ipv4/conf/"+Device+"/rp_filter", []byte("0"), 0))
	w.uplink(t)
	out, err := exec.Command("ip", "-o", "address", "show", "up", "dev", Device).Output()
	if rp, err := os.ReadFile(sysctls + "ipv4/conf/" + Device + "/rp_filter"); err != nil || string(rp) != "1\n" {
		t.Errorf("rp_filter is %q, %v", rp, err)
	}
	if !strings.Contains(string(out), hostSide4) || !strings.Contains(string(out), hostSide6) || index() != first {
		t.Errorf("what was half made is not made whole: %s, %v", out, err)
	}
	must(t, Uplink{NS: w.two, Port: "host0"}.Make())
	if index() == first {
		t.Error("the old one is still there")
	}
	must(t, link.In(w.network, func(c *link.Conn) error {
		if _, err := c.Index("host0"); !errors.Is(err, unix.ENODEV) {
			t.Errorf("its other end is: %v", err)
		}
		return nil
	}))
}
