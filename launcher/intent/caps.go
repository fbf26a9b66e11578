package intent

import (
	"math/bits"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/internal/capability"
)

// defaultCaps are podman's: docker's without NET_RAW, MKNOD and AUDIT_WRITE. Bit n is capability n.
const defaultCaps uint64 = 1<<0 | // CHOWN
	1<<1 | // DAC_OVERRIDE
	1<<3 | // FOWNER
	1<<4 | // FSETID
	1<<5 | // KILL
	1<<6 | // SETGID
	1<<7 | // SETUID
	1<<8 | // SETPCAP
	1<<10 | // NET_BIND_SERVICE
	1<<18 | // SYS_CHROOT
	1<<31 // SETFCAP

// parseCaps reads the values of one flag into a set and whether ALL was among them.
func parseCaps(flag string, list []string, all uint64) (set uint64, hasAll bool, err error) {
next:
	for _, s := range commas(list) {
		name := strings.ToUpper(strings.TrimSpace(s))
		if name == "ALL" {
			hasAll = true
			continue
		}
		if !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		for i, n := range capability.Names {
			if n != name {
				continue
			}
			if all&(1<<i) == 0 {
				return 0, false, fail(ErrUnsupported, "%s %s: this kernel does not have that capability", flag, s)
			}
			set |= 1 << i
			continue next
		}
		return 0, false, invalid(flag, s, "it is not a capability (see capabilities(7))")
	}
	return set, hasAll, nil
}

// mergeCaps gives the bounding set. ALL in one list and names in the other are taken as docker takes them:
// `--cap-drop all --cap-add X` leaves X, `--cap-add all --cap-drop X` leaves all but X.
func mergeCaps(add, drop []string, privileged bool, lastCap int) (uint64, error) {
	all := uint64(1)<<len(capability.Names) - 1
	if lastCap >= 0 && lastCap < len(capability.Names)-1 {
		all = 1<<(lastCap+1) - 1
	}
	added, addAll, err := parseCaps("--cap-add", add, all)
	if err != nil {
		return 0, err
	}
	dropped, dropAll, err := parseCaps("--cap-drop", drop, all)
	if err != nil {
		return 0, err
	}
	if both := added & dropped; both != 0 {
		return 0, fail(ErrConflict, "%s is both added and dropped", capability.Names[bits.TrailingZeros64(both)])
	}
	switch {
	case dropAll && (addAll || privileged):
		return 0, fail(ErrConflict, "all capabilities are both added and dropped")
	case addAll || privileged:
		return all &^ dropped, nil
	case dropAll:
		return added, nil
	}
	return defaultCaps&all&^dropped | added, nil
}

func capList(set uint64) []string {
	out := make([]string, 0, bits.OnesCount64(set))
	for ; set != 0; set &= set - 1 {
		out = append(out, capability.Names[bits.TrailingZeros64(set)])
	}
	return out
}

// capabilities sets the five sets. Inheritable and ambient are always empty (CVE-2022-29162, -27649,
// -27650). A user other than root starts with no effective and no permitted capability, which is what
// execve(2) would leave it anyway; this is docker's behaviour, where podman makes --cap-add ambient.
func (b *builder) capabilities() error {
	set, err := mergeCaps(b.o.CapAdd, b.o.CapDrop, b.o.Privileged, b.Host.LastCap)
	if err != nil {
		return err
	}
	list := capList(set)
	c := &specs.LinuxCapabilities{Bounding: list}
	if uid := b.spec.Process.User.UID; uid == 0 {
		c.Effective, c.Permitted = list, list
	} else if len(b.o.CapAdd) > 0 {
		b.warn("--cap-add with a user other than root only widens the bounding set: " +
			"programs get the capability through file capabilities or set-uid root")
	}
	b.spec.Process.Capabilities = c
	return nil
}
