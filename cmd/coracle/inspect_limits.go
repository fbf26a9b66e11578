package main

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/cgroup"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
)

// inspectResources are the limits in podman's and docker's words: what was asked.
type inspectResources struct {
	Memory               int64
	MemorySwap           int64
	MemoryReservation    int64
	MemorySwappiness     int64
	NanoCpus             int64
	CpuPeriod            uint64 //nolint:revive // docker's spelling
	CpuQuota             int64  //nolint:revive
	CpuShares            uint64 //nolint:revive
	CpusetCpus           string
	CpusetMems           string
	PidsLimit            int64
	BlkioWeight          uint16
	BlkioWeightDevice    []inspectDevice
	BlkioDeviceReadBps   []inspectDevice
	BlkioDeviceWriteBps  []inspectDevice
	BlkioDeviceReadIOps  []inspectDevice
	BlkioDeviceWriteIOps []inspectDevice
	OomKillDisable       bool
	CgroupParent         string
	Cgroups              string
}

// inspectDevice is a limit of one block device.
type inspectDevice struct {
	Path   string
	Weight uint16 `json:",omitempty"`
	Rate   uint64 `json:",omitempty"`
}

func inspectResourcesOf(o *intent.Options, spec *specs.Spec) inspectResources {
	i := inspectResources{CgroupParent: o.CgroupParent, Cgroups: o.Cgroups, MemorySwappiness: -1}
	if i.Cgroups == "" {
		i.Cgroups = "default"
	}
	r := spec.Linux.Resources
	if r == nil {
		return i
	}
	if m := r.Memory; m != nil {
		i.Memory, i.MemoryReservation = bytesOf(m.Limit), bytesOf(m.Reservation)
		i.MemorySwap, _ = cgroup.Swap(m)
		if m.Swappiness != nil {
			i.MemorySwappiness = int64(*m.Swappiness)
		}
		i.OomKillDisable = m.DisableOOMKiller != nil && *m.DisableOOMKiller
	}
	if c := r.CPU; c != nil {
		i.CpusetCpus, i.CpusetMems = c.Cpus, c.Mems
		i.CpuQuota, i.CpuPeriod, i.CpuShares = of(c.Quota), of(c.Period), of(c.Shares)
		if o.CPUs != "" && i.CpuQuota > 0 && i.CpuPeriod > 0 { // docker says one or the other
			i.NanoCpus = int64(float64(i.CpuQuota) / float64(i.CpuPeriod) * 1e9)
		}
	}
	if r.Pids != nil {
		i.PidsLimit = of(r.Pids.Limit)
	}
	if b := r.BlockIO; b != nil {
		i.BlkioWeight = of(b.Weight)
		i.BlkioWeightDevice = devicesOf(o.BlkioWeightDevice, len(b.WeightDevice), func(d *inspectDevice, n int) { d.Weight = of(b.WeightDevice[n].Weight) })
		for _, t := range []struct {
			asked []string
			list  []specs.LinuxThrottleDevice
			into  *[]inspectDevice
		}{
			{o.DeviceReadBps, b.ThrottleReadBpsDevice, &i.BlkioDeviceReadBps}, {o.DeviceWriteBps, b.ThrottleWriteBpsDevice, &i.BlkioDeviceWriteBps},
			{o.DeviceReadIOPS, b.ThrottleReadIOPSDevice, &i.BlkioDeviceReadIOps}, {o.DeviceWriteIOPS, b.ThrottleWriteIOPSDevice, &i.BlkioDeviceWriteIOps},
		} {
			*t.into = devicesOf(t.asked, len(t.list), func(d *inspectDevice, n int) { d.Rate = t.list[n].Rate })
		}
	}
	return i
}

// devicesOf names the devices as they were asked for.
func devicesOf(asked []string, n int, fill func(*inspectDevice, int)) (all []inspectDevice) {
	for i, s := range asked[:min(n, len(asked))] {
		d := inspectDevice{Path: s[:strings.LastIndexByte(s, ':')]}
		fill(&d, i)
		all = append(all, d)
	}
	return all
}

// bytesOf is a limit as docker shows it: no limit is 0.
func bytesOf(n *int64) int64 { return max(of(n), 0) }

func of[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// inspectLimits says where the container's cgroup is, and which limits are in force
// there beside those that were asked for.
func inspectLimits(i *inspected, c *containers.Container, spec *specs.Spec) {
	var g cgroup.Group
	if c.PID != 0 {
		if own, err := cgroup.OfContainer(c.ID, c.PID); err == nil {
			g = own
			i.State.CgroupPath = g.Path()
		}
	}
	i.Limits = g.Enforced(spec.Linux.Resources)
}
