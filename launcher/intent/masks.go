package intent

import (
	"path"
	"strings"
)

// maskedPaths are docker's: what tells about the host or reaches into its hardware. The thermal_throttle
// directories of the processors are added as far as they exist (GHSA-6fw5-f8r9-fgfm, with
// /proc/interrupts; powercap is GHSA-jq35-85cj-fj4p).
var maskedPaths = [...]string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
	"/sys/devices/virtual/powercap", "/sys/firmware",
}

// readonlyPaths are docker's.
var readonlyPaths = [...]string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

// unmasked reports whether a path is named by --security-opt unmask=: ALL, a path, or a shell pattern.
func unmasked(p string, unmask []string) bool {
	for _, u := range unmask {
		if strings.EqualFold(u, "all") {
			return true
		}
		if ok, _ := path.Match(path.Clean(u), p); ok {
			return true
		}
	}
	return false
}

// masks lists what is hidden and what is read-only. --privileged and unmask= take from the lists, mask= adds.
func (b *builder) masks() error {
	l := b.spec.Linux
	if !b.o.Privileged {
		masked := append(make([]string, 0, len(maskedPaths)+len(b.sec.mask)), maskedPaths[:]...)
		if b.Host.Thermal != nil {
			masked = append(masked, b.Host.Thermal()...)
		}
		l.MaskedPaths = keep(masked, b.sec.unmask)
		l.ReadonlyPaths = keep(readonlyPaths[:], b.sec.unmask)
		for _, u := range b.sec.unmask {
			if !strings.EqualFold(u, "all") && !anyMatch(u, masked) && !anyMatch(u, readonlyPaths[:]) && !anyMatch(u, []string{"/sys/fs/cgroup"}) {
				b.warn("--security-opt unmask=" + u + " matches nothing that is masked or read-only")
			}
		}
	}
	for _, p := range b.sec.mask {
		if p == "/" {
			return invalid("--security-opt", "mask=/", "the root cannot be masked")
		}
		l.MaskedPaths = append(l.MaskedPaths, p)
	}
	return nil
}

func keep(list, unmask []string) []string {
	if len(unmask) == 0 {
		return append([]string(nil), list...)
	}
	var out []string
	for _, p := range list {
		if !unmasked(p, unmask) {
			out = append(out, p)
		}
	}
	return out
}

func anyMatch(pattern string, list []string) bool {
	for _, p := range list {
		if unmasked(p, []string{pattern}) {
			return true
		}
	}
	return false
}
