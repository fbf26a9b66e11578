package cgroup

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"
)

// files is a control group's directory.
func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func TestMemoryUsage(t *testing.T) {
	const stat1 = "cache 7\ninactive_file 1\ntotal_inactive_file 300\nhierarchical_memory_limit 4096\n"
	for name, tt := range map[string]struct {
		dir         fstest.MapFS
		used, limit uint64
		not         bool
	}{
		"v2":                    {dir: files("memory.current", "1000\n", "memory.stat", "anon 5\ninactive_file 400\n", "memory.max", "2000\n"), used: 600, limit: 2000},
		"v2 without limit":      {dir: files("memory.current", "1000\n", "memory.max", "max\n"), used: 1000},
		"v2, stat read later":   {dir: files("memory.current", "10\n", "memory.stat", "inactive_file 400\n"), used: 10},
		"v1":                    {dir: files("memory.usage_in_bytes", "1000\n", "memory.stat", stat1, "memory.limit_in_bytes", "8192\n"), used: 700, limit: 4096},
		"v1, own limit":         {dir: files("memory.usage_in_bytes", "1000\n", "memory.stat", stat1, "memory.limit_in_bytes", "1024\n"), used: 700, limit: 1024},
		"v1 without limit":      {dir: files("memory.usage_in_bytes", "5\n", "memory.stat", "hierarchical_memory_limit 9223372036854771712\n", "memory.limit_in_bytes", "9223372036854771712\n"), used: 5},
		"v1, pages of 64 KiB":   {dir: files("memory.usage_in_bytes", "5\n", "memory.limit_in_bytes", "9223372036854710272\n"), used: 5},
		"controller is not on":  {dir: files("cgroup.procs", "1\n"), not: true},
		"rubbish":               {dir: files("memory.current", "x"), not: true},
		"negative":              {dir: files("memory.usage_in_bytes", "-1"), not: true},
		"the value is too long": {dir: files("memory.current", "99999999999999999999"), not: true},
	} {
		used, limit, ok := memoryUsage(tt.dir)
		if used != tt.used || limit != tt.limit || ok == tt.not {
			t.Errorf("%s: %d of %d, %v", name, used, limit, ok)
		}
	}
}

func TestCPUUsage(t *testing.T) {
	for name, tt := range map[string]struct {
		dir         fstest.MapFS
		all, system time.Duration
		not         bool
	}{
		"v2":         {dir: files("cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 0\n"), all: 1500 * time.Microsecond, system: 500 * time.Microsecond},
		"v1":         {dir: files("cpu.stat", "nr_periods 0\n", "cpuacct.usage", "2500\n", "cpuacct.usage_sys", "700\n"), all: 2500, system: 700},
		"v1 of old":  {dir: files("cpuacct.usage", "2500\n"), all: 2500},
		"v1 without": {dir: files("cpu.stat", "nr_periods 0\n"), not: true},
		"too large":  {dir: files("cpu.stat", "usage_usec 18446744073709551615\n"), all: math.MaxInt64},
		"nothing":    {dir: files(), not: true},
	} {
		all, system, ok := cpuUsage(tt.dir)
		if all != tt.all || system != tt.system || ok == tt.not {
			t.Errorf("%s: %v, %v, %v", name, all, system, ok)
		}
	}
}

func TestIOUsage(t *testing.T) {
	for name, tt := range map[string]struct {
		dir     fstest.MapFS
		in, out uint64
		not     bool
	}{
		"v2":              {dir: files("io.stat", "8:16 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=5 dios=6\n8:0 rbytes=1 wbytes=2\n"), in: 101, out: 22},
		"v2, none yet":    {dir: files("io.stat", "")},
		"v2, no numbers":  {dir: files("io.stat", "8:0 \n252:0 rbytes=x wbytes=2\n"), out: 2},
		"v1":              {dir: files("blkio.throttle.io_service_bytes", "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\n8:16 Read 5\nTotal 35\n"), in: 15, out: 20},
		"v1 with below":   {dir: files("blkio.throttle.io_service_bytes", "8:0 Read 10\n", "blkio.throttle.io_service_bytes_recursive", "8:0 Read 11\n"), in: 11},
		"v1, none yet":    {dir: files("blkio.throttle.io_service_bytes", "Total 0\n")},
		"does not wrap":   {dir: files("io.stat", "8:0 rbytes=18446744073709551615\n8:1 rbytes=5\n"), in: math.MaxUint64},
		"no controller":   {dir: files(), not: true},
		"another's file":  {dir: files("blkio.weight", "500"), not: true},
		"v1, damaged one": {dir: files("blkio.throttle.io_service_bytes", "8:0 Read\n8:0 Read x\n\n")},
	} {
		in, out, ok := ioUsage(tt.dir)
		if in != tt.in || out != tt.out || ok == tt.not {
			t.Errorf("%s: %d, %d, %v", name, in, out, ok)
		}
	}
}

// put makes directories with files, as a hierarchy is mounted.
func put(t *testing.T, root string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		name := filepath.Join(root, pairs[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUsage(t *testing.T) {
	root := t.TempDir()
	put(t, root, "slice/memory.max", "500\n", "slice/scope/memory.max", "max\n", "slice/scope/c/memory.max", "800\n", "slice/scope/c/memory.current", "9\n",
		"slice/scope/c/cpu.stat", "usage_usec 1\n", "slice/scope/c/pids.current", "3\n")
	want := Usage{CPU: time.Microsecond, HasCPU: true, Memory: 9, Limit: 500, HasMemory: true, PIDs: 3, HasPIDs: true}
	if u := (Group{Unified: filepath.Join(root, "slice/scope/c")}).Usage(); u != want {
		t.Errorf("version 2: %+v", u)
	}
	put(t, root, "memory/memory.usage_in_bytes", "9\n", "acct/cpuacct.usage", "70\n", "blkio/blkio.throttle.io_service_bytes", "8:0 Read 4\n", "u/cpu.stat", "usage_usec 1\n", "u/pids.current", "8\n")
	v1 := map[string]string{"memory": filepath.Join(root, "memory"), "cpuacct": filepath.Join(root, "acct"), "blkio": filepath.Join(root, "blkio")}
	want = Usage{CPU: 70, HasCPU: true, Memory: 9, HasMemory: true, Read: 4, HasIO: true}
	if u := (Group{V1: v1, Unified: filepath.Join(root, "u")}).Usage(); u != want {
		t.Errorf("hybrid: %+v", u)
	}
	delete(v1, "cpuacct")
	if u := (Group{V1: v1, Unified: filepath.Join(root, "u")}).Usage(); u.CPU != time.Microsecond || u.HasPIDs {
		t.Errorf("hybrid, without cpuacct: %+v", u)
	}
	if u := (Group{}).Usage(); u != (Usage{}) {
		t.Errorf("no group: %+v", u)
	}
}

func FuzzUsage(f *testing.F) {
	f.Add("memory.current", "10", "inactive_file 5\n", "usage_usec 5\n", "8:0 rbytes=5 wbytes=6")
	f.Add("memory.usage_in_bytes", "10", "total_inactive_file 50\nhierarchical_memory_limit 1", "", "8:0 Read 5\nTotal 5")
	f.Add("memory.max", "max", "", "usage_usec 99999999999999999999", "")
	f.Fuzz(func(t *testing.T, name, value, memory, cpu, io string) {
		dir := files("memory.stat", memory, "cpu.stat", cpu, "io.stat", io, "blkio.throttle.io_service_bytes", io)
		switch name {
		case "memory.current", "memory.usage_in_bytes", "memory.max", "memory.limit_in_bytes", "pids.current", "cpuacct.usage":
			dir[name] = &fstest.MapFile{Data: []byte(value)}
		}
		used, limit, ok := memoryUsage(dir)
		if n, have := number(dir, name); ok && have && (name == "memory.current" || name == "memory.usage_in_bytes") && used > n {
			t.Errorf("%d of %d are used", used, n)
		}
		if limit > math.MaxInt64 {
			t.Errorf("limit %d", limit)
		}
		if all, system, _ := cpuUsage(dir); all < 0 || system < 0 {
			t.Errorf("time %v %v", all, system)
		}
		ioUsage(dir)
		parseBlkio(io)
	})
}
