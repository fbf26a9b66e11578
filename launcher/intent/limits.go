package intent

import (
	"math"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Limits holds the flags that bound what a container may use of the machine, as docker and podman have them.
// `update` has them too. What is not asked stays unlimited; "0" says so, and so does "-1" where docker or
// podman take it.
type Limits struct {
	Memory            string   `short:"m" placeholder:"SIZE" help:"Most memory, such as 512m; 0 for no limit."`
	MemorySwap        string   `placeholder:"SIZE" help:"Most memory and swap together (twice the memory); -1 for no limit."`
	MemoryReservation string   `placeholder:"SIZE" help:"Memory that is taken from others first."`
	MemorySwappiness  *int     `placeholder:"0-100" help:"How readily memory is swapped out (cgroup version 1)."`
	CPUs              string   `name:"cpus" placeholder:"N" help:"Most processors' worth of time, such as 1.5; 0 for no limit."`
	CPUShares         *uint64  `name:"cpu-shares" short:"c" placeholder:"N" help:"Share of the processors while they are contended (1024), 2 to 262144."`
	CPUQuota          *int64   `name:"cpu-quota" placeholder:"µS" help:"Most processor time in a period, 1000 or more; -1 for no limit."`
	CPUPeriod         *uint64  `name:"cpu-period" placeholder:"µS" help:"That period (100000), 1000 to 1000000."`
	CpusetCPUs        string   `name:"cpuset-cpus" placeholder:"LIST" help:"The processors to run on, such as 0-3,5."`
	CpusetMems        string   `name:"cpuset-mems" placeholder:"LIST" help:"The memory nodes to use, such as 0."`
	PidsLimit         *int64   `placeholder:"N" help:"Most processes and threads; 0 or -1 for no limit."`
	BlkioWeight       *uint16  `placeholder:"N" help:"Share of block devices while they are contended (100), 10 to 1000."`
	BlkioWeightDevice []string `sep:"none" placeholder:"DEV:N" help:"The same of one device."`
	DeviceReadBps     []string `sep:"none" placeholder:"DEV:RATE" help:"Most bytes a second read from a device, such as /dev/sda:10m."`
	DeviceWriteBps    []string `sep:"none" placeholder:"DEV:RATE" help:"Most bytes a second written to a device."`
	DeviceReadIOPS    []string `name:"device-read-iops" sep:"none" placeholder:"DEV:N" help:"Most reads a second from a device."`
	DeviceWriteIOPS   []string `name:"device-write-iops" sep:"none" placeholder:"DEV:N" help:"Most writes a second to a device."`
	OOMKillDisable    *bool    `name:"oom-kill-disable" negatable:"" help:"Processes wait for memory instead of being killed (cgroup version 1)."`
}

// Group holds the flags that say where a container's control group is.
type Group struct {
	CgroupParent string `placeholder:"PATH|SLICE" help:"Cgroup, or systemd slice, to make the container's in."`
	Cgroups      string `placeholder:"enabled|disabled|no-conmon|split" help:"Whether a cgroup is made."`
}

// check finds what is wrong with the flags by themselves.
func (g *Group) check(l *Limits) error {
	switch g.Cgroups {
	case "", "enabled", "no-conmon", "split":
	case "disabled":
		if g.CgroupParent != "" {
			return conflict("--cgroup-parent", "--cgroups disabled", "no cgroup is made")
		}
		r, err := l.resources()
		if err == nil && r != nil {
			return conflict("a limit", "--cgroups disabled", "limits are a cgroup's")
		}
		return err
	default:
		return invalid("--cgroups", g.Cgroups, "known are enabled, disabled, no-conmon and split")
	}
	p := g.CgroupParent
	switch {
	case p == "":
		return nil
	case g.Cgroups == "split":
		return conflict("--cgroup-parent", "--cgroups split", "the cgroup is made in the caller's")
	case strings.ContainsAny(p, "\x00\n"):
		return invalid("--cgroup-parent", p, "it holds a NUL or a newline")
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." || part == "." {
			return invalid("--cgroup-parent", p, "it leads up")
		}
	}
	return nil
}

// LimitsOf is what the limits come to, nil for none. They are in the words of the runtime specification,
// which are cgroup version 1's, whatever the host has. A value that says "no limit" is there as -1.
func LimitsOf(l *Limits) (*specs.LinuxResources, error) { return l.resources() }

func (l *Limits) resources() (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{}
	for _, f := range []func(*specs.LinuxResources) error{l.memory, l.cpu, l.cpuset, l.pids, l.blkio} {
		if err := f(r); err != nil {
			return nil, err
		}
	}
	if r.Memory == nil && r.CPU == nil && r.Pids == nil && r.BlockIO == nil {
		return nil, nil
	}
	return r, nil
}

// limits puts them into the specification.
func (b *builder) limits() error {
	if err := b.o.Group.check(&b.o.Limits); err != nil {
		return err
	}
	var err error
	b.spec.Linux.Resources, err = b.o.Limits.resources()
	b.extra.CgroupWritable = b.cgroupWritable()
	return err
}

// cgroupWritable says that the container may make cgroups below its own: a manager of services inside needs
// that. It cannot change its own limits, where the host mounts cgroups with nsdelegate (cgroups(7)), as systemd does.
func (b *builder) cgroupWritable() bool {
	return b.ns.cgroup.private() && (b.isSystemd || b.o.Privileged || unmasked("/sys/fs/cgroup", b.sec.unmask))
}

// memorySize reads a size; -1 and 0 are no limit where none says so.
func memorySize(flag, s string, none ...string) (n int64, err error) {
	for _, w := range none {
		if s == w {
			return -1, nil
		}
	}
	n, ok := parseSize(s)
	if !ok {
		return 0, invalid(flag, s, "a size is wanted, such as 512m or 2g")
	}
	return n, nil
}

func (l *Limits) memory(r *specs.LinuxResources) (err error) {
	m := specs.LinuxMemory{}
	limit, swap, low := int64(0), int64(0), int64(0)
	if l.Memory != "" {
		if limit, err = memorySize("--memory", l.Memory, "0", "-1"); err != nil {
			return err
		}
		m.Limit = &limit
	}
	if l.MemorySwap != "" {
		if swap, err = memorySize("--memory-swap", l.MemorySwap, "-1"); err != nil {
			return err
		}
	}
	switch { // "0" is docker's for not given, which is twice the memory: cgroup.Swap
	case swap > 0 && limit <= 0:
		return fail(ErrConflict, "--memory-swap needs --memory: it is the limit of both together").fix("--memory %s --memory-swap %s", l.MemorySwap, l.MemorySwap)
	case swap > 0 && swap < limit:
		return conflict("--memory-swap "+l.MemorySwap, "--memory "+l.Memory, "memory and swap together cannot be less than memory alone")
	case swap != 0:
		m.Swap = &swap
	}
	if l.MemoryReservation != "" {
		if low, err = memorySize("--memory-reservation", l.MemoryReservation, "0", "-1"); err != nil {
			return err
		}
		if limit > 0 && low > limit {
			return conflict("--memory-reservation "+l.MemoryReservation, "--memory "+l.Memory, "it is more than the limit")
		}
		m.Reservation = &low
	}
	if n := l.MemorySwappiness; n != nil && *n != -1 {
		if *n < 0 || *n > 100 {
			return fail(ErrInvalid, "invalid --memory-swappiness %d: 0 to 100 are possible", *n)
		}
		u := uint64(*n)
		m.Swappiness = &u
	}
	if l.OOMKillDisable != nil && *l.OOMKillDisable {
		m.DisableOOMKiller = l.OOMKillDisable
	}
	if m != (specs.LinuxMemory{}) {
		r.Memory = &m
	}
	return nil
}

// defaultPeriod is the kernel's cpu.cfs_period_us, in microseconds.
const defaultPeriod = 100000

func (l *Limits) cpu(r *specs.LinuxResources) error {
	c := specs.LinuxCPU{}
	if l.CPUs != "" {
		n, err := strconv.ParseFloat(l.CPUs, 64)
		switch {
		case err != nil || math.IsNaN(n) || n < 0 || n > 1<<16 || n > 0 && n < 0.01:
			return invalid("--cpus", l.CPUs, "a number of processors is wanted, 0.01 or more")
		case l.CPUQuota != nil && *l.CPUQuota != 0 || l.CPUPeriod != nil && *l.CPUPeriod != 0:
			return conflict("--cpus", "--cpu-quota and --cpu-period", "both say how much processor time there is")
		}
		quota, period := int64(-1), uint64(defaultPeriod)
		if n > 0 {
			quota = int64(math.Round(n * defaultPeriod))
		}
		c.Quota, c.Period = &quota, &period
	}
	if n := l.CPUPeriod; n != nil && *n != 0 {
		if *n < 1000 || *n > 1000000 {
			return fail(ErrInvalid, "invalid --cpu-period %d: 1000 to 1000000 microseconds are possible", *n)
		}
		c.Period = n
	}
	if n := l.CPUQuota; n != nil && *n != 0 {
		if *n != -1 && *n < 1000 {
			return fail(ErrInvalid, "invalid --cpu-quota %d: 1000 microseconds or more are possible, or -1", *n)
		}
		c.Quota = n
	}
	if n := l.CPUShares; n != nil && *n != 0 {
		if *n < 2 || *n > 262144 {
			return fail(ErrInvalid, "invalid --cpu-shares %d: 2 to 262144 are possible", *n)
		}
		c.Shares = n
	}
	if c != (specs.LinuxCPU{}) {
		r.CPU = &c
	}
	return nil
}

func (l *Limits) cpuset(r *specs.LinuxResources) error {
	for _, s := range []struct{ flag, list string }{{"--cpuset-cpus", l.CpusetCPUs}, {"--cpuset-mems", l.CpusetMems}} {
		if s.list != "" && !validList(s.list) {
			return invalid(s.flag, s.list, "numbers and ranges are wanted, such as 0-3,5")
		}
	}
	if l.CpusetCPUs == "" && l.CpusetMems == "" {
		return nil
	}
	if r.CPU == nil {
		r.CPU = &specs.LinuxCPU{}
	}
	r.CPU.Cpus, r.CPU.Mems = l.CpusetCPUs, l.CpusetMems
	return nil
}

// validList checks the list format of cpuset(7).
func validList(s string) bool {
	for part := range strings.SplitSeq(s, ",") {
		low, high, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(low, 10, 16)
		if err != nil {
			return false
		}
		if b, err := strconv.ParseUint(high, 10, 16); isRange && (err != nil || b < a) {
			return false
		}
	}
	return true
}

func (l *Limits) pids(r *specs.LinuxResources) error {
	n := l.PidsLimit
	if n == nil {
		return nil
	}
	if *n < -1 || *n > 1<<22 {
		return fail(ErrInvalid, "invalid --pids-limit %d: 1 to 4194304 are possible, or -1 for no limit", *n)
	}
	limit := *n
	if limit == 0 {
		limit = -1
	}
	r.Pids = &specs.LinuxPids{Limit: &limit}
	return nil
}
