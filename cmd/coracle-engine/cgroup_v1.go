//go:build containers_image_openpgp

package main

import (
	"fmt"
	"path/filepath"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/cgroup"
)

// setV1 writes limits into directories of version 1 hierarchies that are there.
func setV1(v cgroup.V1Limits) error {
	r := resourcesOf(v)
	m, err := fs.NewManager(&cgroups.Cgroup{Resources: r}, v.Dirs)
	if err != nil {
		return fmt.Errorf("cannot set limits: %w", err)
	}
	if err := m.Set(r); err != nil {
		return fmt.Errorf("cannot set limits: %w", err)
	}
	return nil
}

// resourcesOf says the same in the library's words. Devices are left alone: nothing
// is opened for a container but what its user may open.
func resourcesOf(v cgroup.V1Limits) *cgroups.Resources {
	r := &cgroups.Resources{SkipDevices: true}
	if m := v.Resources.Memory; m != nil {
		r.Memory, r.MemoryReservation, r.MemorySwappiness = value(m.Limit), value(m.Reservation), m.Swappiness
		// Without swap accounting only a limit that was asked for is worth an error.
		if total, ok := cgroup.Swap(m); ok && (m.Swap != nil || cgroups.PathExists(filepath.Join(v.Dirs["memory"], "memory.memsw.limit_in_bytes"))) {
			r.MemorySwap = total
		}
		r.OomKillDisable = m.DisableOOMKiller != nil && *m.DisableOOMKiller
	}
	if c := v.Resources.CPU; c != nil {
		r.CpuQuota, r.CpuPeriod, r.CpuShares = value(c.Quota), value(c.Period), value(c.Shares)
		r.CpusetCpus, r.CpusetMems = c.Cpus, c.Mems
	}
	if p := v.Resources.Pids; p != nil {
		r.PidsLimit = p.Limit
	}
	b := v.Resources.BlockIO
	if b == nil {
		return r
	}
	r.BlkioWeight = value(b.Weight)
	for _, d := range b.WeightDevice {
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, cgroups.NewWeightDevice(d.Major, d.Minor, value(d.Weight), value(d.LeafWeight)))
	}
	for _, t := range []struct {
		from []specs.LinuxThrottleDevice
		to   *[]*cgroups.ThrottleDevice
	}{
		{b.ThrottleReadBpsDevice, &r.BlkioThrottleReadBpsDevice}, {b.ThrottleWriteBpsDevice, &r.BlkioThrottleWriteBpsDevice},
		{b.ThrottleReadIOPSDevice, &r.BlkioThrottleReadIOPSDevice}, {b.ThrottleWriteIOPSDevice, &r.BlkioThrottleWriteIOPSDevice},
	} {
		for _, d := range t.from {
			*t.to = append(*t.to, cgroups.NewThrottleDevice(d.Major, d.Minor, d.Rate))
		}
	}
	return r
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
