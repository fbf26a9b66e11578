package main

import (
	"fmt"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/launcher/containers"
)

// statsRow is what a container uses, as docker's and podman's templates ask for it.
type statsRow struct {
	c     *containers.Container
	name  string // as it was asked for
	whole bool
	// now is nil for one that does not run; before is an earlier sample, if there is
	// one.
	now, before *launcher.Sample
}

// unknown stands for a number that there is none of.
const unknown = "--"

// ID is the container's id, shortened unless --no-trunc.
func (r statsRow) ID() string {
	if r.whole {
		return r.c.ID
	}
	return format.ShortID(r.c.ID)
}

// ContainerID is the whole id.
func (r statsRow) ContainerID() string { return r.c.ID }

// Container is the name or id that it was asked for by.
func (r statsRow) Container() string {
	if r.name == r.c.ID {
		return r.ID()
	}
	return r.name
}

// Name is the container's name.
func (r statsRow) Name() string { return r.c.Name }

// CPU is the share of one processor since the last look, in percent: two that work
// are 200.
func (r statsRow) CPU() float64 {
	if r.now == nil || r.before == nil {
		return 0
	}
	return share(r.now.CPU-r.before.CPU, r.now.At.Sub(r.before.At))
}

// AvgCPU is the same since the start.
func (r statsRow) AvgCPU() float64 {
	if r.now == nil {
		return 0
	}
	return share(r.now.CPU, r.now.At.Sub(r.c.Started))
}

func share(part, of time.Duration) float64 {
	if part <= 0 || of <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(of)
}

// CPUPerc and AVGCPU are those for people.
func (r statsRow) CPUPerc() string { return r.percent(r.CPU()) }

// AVGCPU is described with CPUPerc.
func (r statsRow) AVGCPU() string { return r.percent(r.AvgCPU()) }

func (r statsRow) percent(f float64) string {
	if r.now == nil {
		return unknown
	}
	return fmt.Sprintf("%.2f%%", f)
}

func (r statsRow) sample() launcher.Sample {
	if r.now == nil {
		return launcher.Sample{}
	}
	return *r.now
}

// CPUNano is the processors' time used since the start, in nanoseconds.
func (r statsRow) CPUNano() uint64 { return uint64(r.sample().CPU) }

// CPUSystemNano is the part of it that was used in the kernel.
func (r statsRow) CPUSystemNano() uint64 { return uint64(r.sample().System) }

// Duration is podman's other name of CPUNano.
func (r statsRow) Duration() uint64 { return r.CPUNano() }

// UpTime is podman's name of the same as a length of time.
func (r statsRow) UpTime() time.Duration { return r.sample().CPU }

// Up is UpTime for people.
func (r statsRow) Up() string {
	if r.now == nil {
		return unknown
	}
	return r.UpTime().String()
}

// SystemNano is when this was so, in nanoseconds since 1970.
func (r statsRow) SystemNano() uint64 {
	if r.now == nil {
		return 0
	}
	return uint64(r.now.At.UnixNano())
}

// MemLimit is how much memory there is for it, in bytes.
func (r statsRow) MemLimit() uint64 { return r.sample().Limit }

// MemUsage is the memory used and what there is, in binary units as docker has it.
func (r statsRow) MemUsage() string {
	return r.both(binarySize(r.sample().Memory), binarySize(r.sample().Limit), true)
}

// MemUsageBytes is podman's name for that.
func (r statsRow) MemUsageBytes() string { return r.MemUsage() }

// MemPerc is the part of it that is used.
func (r statsRow) MemPerc() string {
	s := r.sample()
	if s.Limit == 0 {
		return r.percent(0)
	}
	return r.percent(100 * float64(s.Memory) / float64(s.Limit))
}

// NetInput and NetOutput are bytes over its network interfaces.
func (r statsRow) NetInput() uint64 { return r.sample().Received }

// NetOutput is described with NetInput.
func (r statsRow) NetOutput() uint64 { return r.sample().Sent }

// NetIO is both for people.
func (r statsRow) NetIO() string {
	return r.both(decimalSize(r.NetInput()), decimalSize(r.NetOutput()), r.sample().Why[launcher.WhyNet] == "")
}

// BlockInput and BlockOutput are bytes from and to block devices.
func (r statsRow) BlockInput() uint64 { return r.sample().Read }

// BlockOutput is described with BlockInput.
func (r statsRow) BlockOutput() uint64 { return r.sample().Written }

// BlockIO is both for people.
func (r statsRow) BlockIO() string {
	return r.both(decimalSize(r.BlockInput()), decimalSize(r.BlockOutput()), r.sample().Why[launcher.WhyIO] == "")
}

func (r statsRow) both(a, b string, known bool) string {
	if r.now == nil || !known {
		a, b = unknown, unknown
	}
	return a + " / " + b
}

// PIDs is how many processes and threads there are.
func (r statsRow) PIDs() uint64 { return r.sample().PIDs }

// PIDS is podman's other name for it.
func (r statsRow) PIDS() uint64 { return r.PIDs() }

// JSON is the row with podman's keys and with docker's.
func (r statsRow) JSON() any {
	pids := fmt.Sprint(r.PIDs())
	return map[string]string{
		"id": r.ID(), "name": r.Name(), "cpu_time": r.Up(), "cpu_percent": r.CPUPerc(), "avg_cpu": r.AVGCPU(), "mem_usage": r.MemUsage(),
		"mem_percent": r.MemPerc(), "net_io": r.NetIO(), "block_io": r.BlockIO(), "pids": pids,
		"ID": r.ID(), "Container": r.Container(), "Name": r.Name(), "CPUPerc": r.CPUPerc(), "MemUsage": r.MemUsage(), "MemPerc": r.MemPerc(),
		"NetIO": r.NetIO(), "BlockIO": r.BlockIO(), "PIDs": pids,
	}
}

// binarySize and decimalSize are docker's ways to write bytes: "1.004MiB", "656B",
// "1.2kB".
func binarySize(n uint64) string {
	return scaled(n, 1024, "%.4g%s", "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
}

func decimalSize(n uint64) string {
	return scaled(n, 1000, "%.3g%s", "B", "kB", "MB", "GB", "TB", "PB", "EB")
}

func scaled(n uint64, base float64, layout string, units ...string) string {
	f, i := float64(n), 0
	for f >= base && i < len(units)-1 {
		f, i = f/base, i+1
	}
	return fmt.Sprintf(layout, f, units[i])
}
