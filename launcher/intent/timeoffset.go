package intent

import (
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// maxOffset is KTIME_SEC_MAX/2, beyond which the kernel answers ERANGE, time_namespaces(7).
const maxOffset = 4611686018

// parseTimeOffset reads boottime=OFFSET or monotonic=OFFSET, an offset being seconds ("-30", "86400") or a
// Go duration ("-1h30m", "1.5s"). The kernel wants the fraction positive: -1.5 s is -2 s and half a second.
func parseTimeOffset(s string) (clock string, off specs.LinuxTimeOffset, err error) {
	const flag = "--time-offset"
	clock, val, _ := strings.Cut(s, "=")
	if clock != "boottime" && clock != "monotonic" {
		return "", off, invalid(flag, s, "the clock is boottime or monotonic: --time-offset boottime=86400")
	}
	if secs, err := strconv.ParseInt(val, 10, 64); err == nil {
		off.Secs = secs
	} else {
		d, err := time.ParseDuration(val)
		if err != nil {
			return "", off, invalid(flag, s, "the offset is seconds or a duration such as 1h30m")
		}
		off.Secs = int64(d / time.Second)
		rest := int64(d % time.Second)
		if rest < 0 {
			off.Secs--
			rest += int64(time.Second)
		}
		off.Nanosecs = uint32(rest)
	}
	if off.Secs > maxOffset || off.Secs < -maxOffset {
		return "", off, invalid(flag, s, "it is more than the kernel's 146 years")
	}
	return clock, off, nil
}

func (b *builder) timeOffsets() error {
	if len(b.o.TimeOffset) == 0 {
		return nil
	}
	if !b.Host.TimeNS {
		return fail(ErrUnsupported, "--time-offset: this kernel has no time namespaces (CONFIG_TIME_NS)")
	}
	offs := make(map[string]specs.LinuxTimeOffset, 2)
	for _, s := range commas(b.o.TimeOffset) {
		clock, off, err := parseTimeOffset(s)
		if err != nil {
			return err
		}
		if _, twice := offs[clock]; twice {
			return fail(ErrConflict, "--time-offset %s was given twice", clock)
		}
		offs[clock] = off
	}
	b.spec.Linux.TimeOffsets = offs
	return nil
}
