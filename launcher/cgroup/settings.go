package cgroup

import (
	"fmt"
	"math"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Setting is one limit as a file of a cgroup takes it.
type Setting struct {
	// Name is the flag without its dashes, Asked what it was given, as a number.
	Name, Asked string
	Controller  string
	// File takes Value. Where it does not exist, Else may take ElseValue.
	File, Value     string
	Else, ElseValue string
	// Optional leaves it out where the file does not exist: a default.
	Optional bool
}

// Settings translates limits to version 2's files, or names those of version 1,
// which have no value here: the engine writes them.
func Settings(r *specs.LinuxResources, v2 bool) (all []Setting) {
	if r == nil {
		return nil
	}
	add := func(s Setting, file1 string) {
		if !v2 {
			s.File, s.Value, s.Else, s.ElseValue = file1, "", "", ""
		}
		if s.File != "" {
			all = append(all, s)
		}
	}
	if m := r.Memory; m != nil {
		memory(m, add)
	}
	if c := r.CPU; c != nil {
		cpu(c, add)
	}
	if r.Pids != nil && r.Pids.Limit != nil {
		add(Setting{Name: "pids-limit", Asked: decimal(*r.Pids.Limit), Controller: "pids", File: "pids.max", Value: orMax(*r.Pids.Limit)}, "pids.max")
	}
	if b := r.BlockIO; b != nil {
		blockIO(b, add)
	}
	return all
}

func memory(m *specs.LinuxMemory, add func(Setting, string)) {
	if m.Limit != nil {
		add(Setting{Name: "memory", Asked: decimal(*m.Limit), Controller: "memory", File: "memory.max", Value: orMax(*m.Limit)}, "memory.limit_in_bytes")
	}
	if total, ok := Swap(m); ok {
		swap := total
		if total > 0 && m.Limit != nil {
			swap = total - *m.Limit // version 2 counts swap alone
		}
		add(Setting{
			Name: "memory-swap", Asked: decimal(total), Controller: "memory", File: "memory.swap.max", Value: orMax(swap), Optional: m.Swap == nil || total < 0,
		}, "memory.memsw.limit_in_bytes")
	}
	if m.Reservation != nil {
		add(Setting{Name: "memory-reservation", Asked: decimal(*m.Reservation), Controller: "memory", File: "memory.low", Value: decimal(max(*m.Reservation, 0))}, "memory.soft_limit_in_bytes")
	}
	if m.Swappiness != nil {
		add(Setting{Name: "memory-swappiness", Asked: strconv.FormatUint(*m.Swappiness, 10), Controller: "memory"}, "memory.swappiness")
	}
	if m.DisableOOMKiller != nil {
		add(Setting{Name: "oom-kill-disable", Asked: strconv.FormatBool(*m.DisableOOMKiller), Controller: "memory"}, "memory.oom_control")
	}
}

// Swap is the limit of memory and swap together, -1 for none: docker's default is
// twice the memory's. ok is false when there is nothing to say.
func Swap(m *specs.LinuxMemory) (total int64, ok bool) {
	switch {
	case m.Swap != nil:
		return *m.Swap, true
	case m.Limit == nil:
		return 0, false
	case *m.Limit < 0 || *m.Limit > math.MaxInt64/2:
		return -1, true
	}
	return 2 * *m.Limit, true
}

func cpu(c *specs.LinuxCPU, add func(Setting, string)) {
	if c.Quota != nil || c.Period != nil {
		quota, period := int64(-1), uint64(100000) // the kernel's default, in µs
		if c.Quota != nil {
			quota = *c.Quota
		}
		if c.Period != nil {
			period = *c.Period
		}
		add(Setting{
			Name: "cpu-quota", Asked: decimal(quota) + "/" + strconv.FormatUint(period, 10), Controller: "cpu",
			File: "cpu.max", Value: orMax(quota) + " " + strconv.FormatUint(period, 10),
		}, "cpu.cfs_quota_us")
	}
	if c.Shares != nil {
		add(Setting{Name: "cpu-shares", Asked: strconv.FormatUint(*c.Shares, 10), Controller: "cpu", File: "cpu.weight", Value: strconv.FormatUint(weight(*c.Shares), 10)}, "cpu.shares")
	}
	if c.Cpus != "" {
		add(Setting{Name: "cpuset-cpus", Asked: c.Cpus, Controller: "cpuset", File: "cpuset.cpus", Value: c.Cpus}, "cpuset.cpus")
	}
	if c.Mems != "" {
		add(Setting{Name: "cpuset-mems", Asked: c.Mems, Controller: "cpuset", File: "cpuset.mems", Value: c.Mems}, "cpuset.mems")
	}
}

// weight turns shares of version 1 (2 to 262144, 1024 by default) into a weight of
// version 2 (1 to 10000, 100 by default) by the curve through these three points
// that runc and crun use.
func weight(shares uint64) uint64 {
	switch {
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

func blockIO(b *specs.LinuxBlockIO, add func(Setting, string)) {
	if b.Weight != nil {
		w := strconv.Itoa(int(*b.Weight))
		add(Setting{Name: "blkio-weight", Asked: w, Controller: "io", File: "io.bfq.weight", Value: w, Else: "io.weight", ElseValue: "default " + ioWeight(*b.Weight)}, "blkio.weight")
	}
	for _, d := range b.WeightDevice {
		if d.Weight == nil {
			continue
		}
		dev := fmt.Sprintf("%d:%d ", d.Major, d.Minor)
		w := strconv.Itoa(int(*d.Weight))
		add(Setting{Name: "blkio-weight-device", Asked: dev + w, Controller: "io", File: "io.bfq.weight", Value: dev + w, Else: "io.weight", ElseValue: dev + ioWeight(*d.Weight)}, "blkio.weight_device")
	}
	for _, t := range []struct {
		name, key, file1 string
		list             []specs.LinuxThrottleDevice
	}{
		{"device-read-bps", "rbps", "blkio.throttle.read_bps_device", b.ThrottleReadBpsDevice},
		{"device-write-bps", "wbps", "blkio.throttle.write_bps_device", b.ThrottleWriteBpsDevice},
		{"device-read-iops", "riops", "blkio.throttle.read_iops_device", b.ThrottleReadIOPSDevice},
		{"device-write-iops", "wiops", "blkio.throttle.write_iops_device", b.ThrottleWriteIOPSDevice},
	} {
		for _, d := range t.list {
			dev, rate := fmt.Sprintf("%d:%d ", d.Major, d.Minor), "max"
			if d.Rate > 0 {
				rate = strconv.FormatUint(d.Rate, 10)
			}
			add(Setting{Name: t.name, Asked: dev + strconv.FormatUint(d.Rate, 10), Controller: "io", File: "io.max", Value: dev + t.key + "=" + rate}, t.file1)
		}
	}
}

// ioWeight turns a weight of 10 to 1000 into version 2's 1 to 10000, as runc does.
func ioWeight(w uint16) string { return strconv.FormatUint(1+(uint64(w)-10)*9999/990, 10) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// orMax is a limit as version 2 writes it.
func orMax(n int64) string {
	if n < 0 {
		return "max"
	}
	return decimal(n)
}
