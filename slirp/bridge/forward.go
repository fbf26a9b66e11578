package bridge

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
)

// sysctls is where the settings of the network namespace are.
const sysctls = "/proc/sys/net/"

// A packet that comes in by a device is forwarded when that device forwards. Each of
// the host's is switched on, also those that come later: answers come in by whichever
// leads to the world, which may change at any time. The setting that new devices begin
// with (default) stays as it is: what is on then without us is somebody else's. For
// IPv6 the kernel asks all at once, which also makes the host deaf to routers'
// advertisements, or since 6.17 each one.
const (
	forwarding4 = "forwarding"
	forwarding6 = "force_forwarding"
)

// Setting is one that was changed, as it was before.
type Setting struct{ Path, Value string }

// device is the one that the setting is of, or all, or default.
func (s Setting) device() string { return filepath.Base(filepath.Dir(s.Path)) }

// six tells whether it is of IPv6.
func (s Setting) six() bool { return strings.HasPrefix(s.Path, sysctls+"ipv6/") }

func (s Setting) of(device string) Setting {
	dir, file := filepath.Split(s.Path)
	s.Path = filepath.Join(filepath.Dir(filepath.Clean(dir)), device, file)
	return s
}

// isOff tells whether a switch is there, and off.
func isOff(path string) bool {
	b, err := os.ReadFile(path)
	return err == nil && strings.TrimSpace(string(b)) == "0" // else gone, or an older kernel
}

// off are the settings of devices that are off and must be on, for IPv6 too if that is
// meant.
func off(devices []string, six bool) (list []Setting) {
	six = six && !Forwards6()
	for _, d := range devices {
		if path := sysctls + "ipv4/conf/" + d + "/" + forwarding4; isOff(path) {
			list = append(list, Setting{path, "0"})
		}
		if path := sysctls + "ipv6/conf/" + d + "/" + forwarding6; six && isOff(path) {
			list = append(list, Setting{path, "0"})
		}
	}
	return list
}

// global are the switches for the whole host that are off. They stay so; on, they are
// another's doing.
func global() (list []Setting) {
	for _, family := range []string{"ipv4", "ipv6"} {
		path := sysctls + family + "/conf/all/" + forwarding4
		if isOff(path) {
			list = append(list, Setting{path, "0"})
		}
	}
	return list
}

// Forwards6 tells whether the host is a router for IPv6.
func Forwards6() bool {
	b, err := os.ReadFile(sysctls + "ipv6/conf/all/forwarding")
	return err == nil && strings.TrimSpace(string(b)) != "0"
}

// CanForward6 tells whether it forwards, or can for some devices without being one.
func CanForward6() bool {
	_, err := os.Stat(sysctls + "ipv6/conf/default/" + forwarding6)
	return err == nil || Forwards6()
}

func write(list []Setting, value func(Setting) string) error {
	var all []error
	for _, s := range list {
		if err := os.WriteFile(s.Path, []byte(value(s)), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			all = append(all, fmt.Errorf("cannot set %s: %w", s.Path, err))
		}
	}
	return errors.Join(all...)
}

// guardTable is the name of the table that keeps the host from forwarding for others.
const guardTable = "coracle-forwarding"

// guard drops what is neither of the network nor for it, and comes in by a device that
// forwards only because of it.
func guard(list []Setting) nft.Table {
	forward := nft.Chain{Name: "forward", Kind: "filter", Hook: unix.NF_INET_FORWARD, Priority: nft.Filter}
	others := nft.Chain{Name: "others", Rules: []nft.Rule{rule(nft.Decide(nft.Drop), nft.Out(Device, false))}}
	for _, s := range list {
		family := netip.IPv4Unspecified()
		if s.six() {
			family = netip.IPv6Unspecified()
		}
		forward.Rules = append(forward.Rules, rule(nft.Jump(others.Name), nft.In(s.device()), nft.Family(family)))
	}
	return nft.Table{Name: guardTable, Chains: []nft.Chain{forward, others}}
}
