package bridge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
)

// sysctls is where the settings of the network namespace are.
const sysctls = "/proc/sys/net/"

// A packet that comes in by a device is forwarded when that device forwards. The
// host's devices are all switched on, also those that are still to come (default):
// answers come in by whichever leads to the world, which may change at any time. For
// IPv6 the kernel asks all at once, which also makes the host deaf to routers'
// advertisements, or since 6.17 each one.
const (
	forwarding4 = "forwarding"
	forwarding6 = "force_forwarding"
)

// Setting is one that was changed, as it was before.
type Setting struct{ Path, Value string }

// missing are the settings that are off and must be on, for IPv6 too if that is
// meant, and the devices that forward by nobody's wish but ours then.
func missing(six bool) (list []Setting, devices []string, err error) {
	list, devices, err = off("ipv4/conf", forwarding4)
	if err != nil || !six || Forwards6() {
		return list, devices, err
	}
	more, others, err := off("ipv6/conf", forwarding6)
	for _, d := range others {
		if !slices.Contains(devices, d) {
			devices = append(devices, d)
		}
	}
	return append(list, more...), devices, err
}

func off(dir, file string) (list []Setting, devices []string, err error) {
	names, err := os.ReadDir(sysctls + dir)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot see which devices forward: %w", err)
	}
	for _, n := range names {
		name := n.Name()
		if name == "all" || name == "lo" {
			continue
		}
		path := filepath.Join(sysctls, dir, name, file)
		b, err := os.ReadFile(path)
		if err != nil {
			continue // gone, or an older kernel
		}
		if value := strings.TrimSpace(string(b)); value == "0" {
			list = append(list, Setting{path, value})
			if name != Device && name != "default" {
				devices = append(devices, name)
			}
		}
	}
	return list, devices, nil
}

// global are the switches for the whole host that are off. They stay so; on, they are
// another's doing.
func global() (list []Setting) {
	for _, family := range []string{"ipv4", "ipv6"} {
		path := sysctls + family + "/conf/all/" + forwarding4
		if b, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(b)) == "0" {
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

// guard drops what is neither of the network nor for it, between devices that
// forward only because of it.
func guard(devices []string) nft.Table {
	forward := nft.Chain{Name: "forward", Kind: "filter", Hook: unix.NF_INET_FORWARD, Priority: nft.Filter}
	others := nft.Chain{Name: "others"}
	for _, d := range devices {
		forward.Rules = append(forward.Rules, rule(nft.Jump(others.Name), nft.In(d)))
		others.Rules = append(others.Rules, rule(nft.Decide(nft.Drop), nft.Out(d, true)))
	}
	return nft.Table{Name: guardTable, Chains: []nft.Chain{forward, others}}
}
