package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func p[T any](v T) *T { return &v }

// everything is one of each limit.
func everything() *specs.LinuxResources {
	r := memoryLimit(64 << 20)
	r.Memory.Reservation = p(int64(32 << 20))
	r.CPU = &specs.LinuxCPU{Quota: p(int64(50000)), Period: p(uint64(100000)), Shares: p(uint64(512)), Cpus: "0-1", Mems: "0"}
	r.Pids = &specs.LinuxPids{Limit: p(int64(100))}
	dev := specs.LinuxThrottleDevice{Rate: 1 << 20}
	dev.Major, dev.Minor = 8, 16
	w := specs.LinuxWeightDevice{Weight: p(uint16(500))}
	w.Major, w.Minor = 8, 16
	r.BlockIO = &specs.LinuxBlockIO{
		Weight: p(uint16(100)), WeightDevice: []specs.LinuxWeightDevice{w}, ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{dev},
		ThrottleWriteBpsDevice: []specs.LinuxThrottleDevice{dev}, ThrottleReadIOPSDevice: []specs.LinuxThrottleDevice{dev}, ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{dev},
	}
	return r
}

func TestSettings(t *testing.T) {
	var got strings.Builder
	for _, s := range Settings(everything(), true) {
		fmt.Fprintf(&got, "%s=%s %s %s=%s %s=%s\n", s.Name, s.Asked, s.Controller, s.File, s.Value, s.Else, s.ElseValue)
	}
	want := `memory=67108864 memory memory.max=67108864 =
memory-swap=134217728 memory memory.swap.max=67108864 =
memory-reservation=33554432 memory memory.low=33554432 =
cpu-quota=50000/100000 cpu cpu.max=50000 100000 =
cpu-shares=512 cpu cpu.weight=59 =
cpuset-cpus=0-1 cpuset cpuset.cpus=0-1 =
cpuset-mems=0 cpuset cpuset.mems=0 =
pids-limit=100 pids pids.max=100 =
blkio-weight=100 io io.bfq.weight=100 io.weight=default 910
blkio-weight-device=8:16 500 io io.bfq.weight=8:16 500 io.weight=8:16 4950
device-read-bps=8:16 1048576 io io.max=8:16 rbps=1048576 =
device-write-bps=8:16 1048576 io io.max=8:16 wbps=1048576 =
device-read-iops=8:16 1048576 io io.max=8:16 riops=1048576 =
device-write-iops=8:16 1048576 io io.max=8:16 wiops=1048576 =
`
	if got.String() != want {
		t.Errorf("%s", got.String())
	}
	for _, s := range Settings(everything(), false) {
		if s.Value != "" || s.Else != "" || strings.HasPrefix(s.File, "io.") {
			t.Errorf("version 1: %+v", s)
		}
	}
	none := memoryLimit(-1)
	none.CPU = &specs.LinuxCPU{Quota: p(int64(-1))}
	none.Pids = &specs.LinuxPids{Limit: p(int64(-1))}
	for _, s := range Settings(none, true) {
		if !unlimitedValue(s.Value) {
			t.Errorf("%+v is a limit", s)
		}
	}
	if Limits(none) || !Limits(everything()) || Limits(nil) {
		t.Error("Limits is wrong")
	}
}

func TestSwap(t *testing.T) {
	for _, c := range []struct {
		m     specs.LinuxMemory
		total int64
		ok    bool
	}{
		{specs.LinuxMemory{}, 0, false},
		{specs.LinuxMemory{Limit: p(int64(10))}, 20, true},
		{specs.LinuxMemory{Limit: p(int64(-1))}, -1, true},
		{specs.LinuxMemory{Limit: p(int64(1) << 62)}, -1, true},
		{specs.LinuxMemory{Limit: p(int64(10)), Swap: p(int64(15))}, 15, true},
	} {
		if total, ok := Swap(&c.m); total != c.total || ok != c.ok {
			t.Errorf("%+v: %d, %v", c.m, total, ok)
		}
	}
}

// The three points that docker's users know, and no way back between them.
func TestWeight(t *testing.T) {
	for shares, want := range map[uint64]uint64{0: 1, 2: 1, 1024: 100, 262144: 10000, 1 << 40: 10000} {
		if got := weight(shares); got != want {
			t.Errorf("%d: %d, want %d", shares, got, want)
		}
	}
	last := uint64(0)
	for s := uint64(2); s <= 262144; s += 97 {
		if w := weight(s); w < last || w < 1 || w > 10000 {
			t.Fatalf("%d: %d after %d", s, w, last)
		} else {
			last = w
		}
	}
}

func TestWriteAndEnforced(t *testing.T) {
	dir := t.TempDir()
	g := Group{Unified: dir}
	r := memoryLimit(1 << 20)
	err := g.Write(r)
	if !errors.Is(err, ErrNotDelegated) || !strings.Contains(err.Error(), "no file memory.max") {
		t.Error(err)
	}
	fill(t, dir, map[string]string{"memory.max": "max\n"})
	if err := g.Write(r); err != nil { // no swap accounting: the default is left out
		t.Error(err)
	}
	r.Memory.Swap = p(int64(3 << 20))
	if err := g.Write(r); !errors.Is(err, ErrNotDelegated) || !strings.Contains(err.Error(), "--memory-swap") {
		t.Errorf("a limit of swap that was asked for: %v", err)
	}
	fill(t, dir, map[string]string{"memory.max": "", "memory.swap.max": "", "io.weight": "", "pids.max": ""})
	r.BlockIO = &specs.LinuxBlockIO{Weight: p(uint16(10))}
	r.Pids = &specs.LinuxPids{Limit: p(int64(-1))}
	if err := g.Write(r); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(g.Enforced(r))
	want := "[{memory 1048576 1048576 memory.max} {memory-swap 3145728 2097152 memory.swap.max} {pids-limit -1 max pids.max} {blkio-weight 10 default 1 io.weight}]"
	if got != want {
		t.Errorf("%s", got)
	}
	if err := os.Remove(filepath.Join(dir, "pids.max")); err != nil {
		t.Fatal(err)
	}
	if err := g.Write(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: p(int64(-1))}}); err != nil {
		t.Errorf("no limit, where there is none: %v", err)
	}
	for _, l := range (Group{}).Enforced(r) {
		if l.Enforced != "" {
			t.Errorf("without a group: %+v", l)
		}
	}
}
