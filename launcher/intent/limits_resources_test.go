package intent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// resourcesJSON is what limits come to, as JSON.
func resourcesJSON(t *testing.T, change func(*Limits)) string {
	t.Helper()
	var l Limits
	change(&l)
	r, err := LimitsOf(&l)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		change func(*Limits)
		want   string
	}{
		{func(l *Limits) {}, `null`},
		{func(l *Limits) { l.Memory = "64m" }, `{"memory":{"limit":67108864}}`},
		{func(l *Limits) { l.Memory = "1g"; l.MemorySwap = "1g" }, `{"memory":{"limit":1073741824,"swap":1073741824}}`},
		{func(l *Limits) { l.Memory = "1024K"; l.MemorySwap = "-1" }, `{"memory":{"limit":1048576,"swap":-1}}`},
		{func(l *Limits) { l.Memory = "1m"; l.MemorySwap = "0" }, `{"memory":{"limit":1048576}}`},
		{func(l *Limits) { l.Memory = "0" }, `{"memory":{"limit":-1}}`},
		{func(l *Limits) { l.Memory = "-1" }, `{"memory":{"limit":-1}}`},
		{func(l *Limits) { l.MemorySwap = "0" }, `null`},
		{func(l *Limits) { l.MemoryReservation = "1m" }, `{"memory":{"reservation":1048576}}`},
		{func(l *Limits) { l.MemorySwappiness = ptr(60) }, `{"memory":{"swappiness":60}}`},
		{func(l *Limits) { l.MemorySwappiness = ptr(-1) }, `null`},
		{func(l *Limits) { l.OOMKillDisable = ptr(true) }, `{"memory":{"disableOOMKiller":true}}`},
		{func(l *Limits) { l.OOMKillDisable = ptr(false) }, `null`},
		{func(l *Limits) { l.CPUs = "1.5" }, `{"cpu":{"quota":150000,"period":100000}}`},
		{func(l *Limits) { l.CPUs = ".01" }, `{"cpu":{"quota":1000,"period":100000}}`},
		{func(l *Limits) { l.CPUs = "0" }, `{"cpu":{"quota":-1,"period":100000}}`},
		{func(l *Limits) { l.CPUQuota, l.CPUPeriod = ptr(int64(5000)), ptr(uint64(10000)) }, `{"cpu":{"quota":5000,"period":10000}}`},
		{func(l *Limits) { l.CPUQuota = ptr(int64(-1)) }, `{"cpu":{"quota":-1}}`},
		{func(l *Limits) { l.CPUQuota, l.CPUPeriod, l.CPUShares = ptr(int64(0)), ptr(uint64(0)), ptr(uint64(0)) }, `null`},
		{func(l *Limits) { l.CPUShares = ptr(uint64(512)) }, `{"cpu":{"shares":512}}`},
		{func(l *Limits) { l.CpusetCPUs, l.CpusetMems = "0-3,5", "0" }, `{"cpu":{"cpus":"0-3,5","mems":"0"}}`},
		{func(l *Limits) { l.PidsLimit = ptr(int64(100)) }, `{"pids":{"limit":100}}`},
		{func(l *Limits) { l.PidsLimit = ptr(int64(-1)) }, `{"pids":{"limit":-1}}`},
		{func(l *Limits) { l.PidsLimit = ptr(int64(0)) }, `{"pids":{"limit":-1}}`},
		{func(l *Limits) { l.BlkioWeight = ptr(uint16(500)) }, `{"blockIO":{"weight":500}}`},
		{func(l *Limits) { l.BlkioWeight = ptr(uint16(0)) }, `null`},
	} {
		if got := resourcesJSON(t, c.change); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestBadLimits(t *testing.T) {
	notBlock := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notBlock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Options)
		kind   error
		text   string
	}{
		{func(o *Options) { o.Memory = "many" }, ErrInvalid, `invalid --memory "many": a size`},
		{func(o *Options) { o.Memory = "-2" }, ErrInvalid, "--memory"},
		{func(o *Options) { o.Memory, o.MemorySwap = "1m", "-2" }, ErrInvalid, "--memory-swap"},
		{func(o *Options) { o.MemorySwap = "1g" }, ErrConflict, "fix: --memory 1g"},
		{func(o *Options) { o.Memory, o.MemorySwap = "2g", "1g" }, ErrConflict, "less than memory alone"},
		{func(o *Options) { o.Memory, o.MemoryReservation = "1g", "2g" }, ErrConflict, "more than the limit"},
		{func(o *Options) { o.MemoryReservation = "x" }, ErrInvalid, "--memory-reservation"},
		{func(o *Options) { o.MemorySwappiness = ptr(101) }, ErrInvalid, "0 to 100"},
		{func(o *Options) { o.MemorySwappiness = ptr(-2) }, ErrInvalid, "0 to 100"},
		{func(o *Options) { o.CPUs = "two" }, ErrInvalid, "--cpus"},
		{func(o *Options) { o.CPUs = "-1" }, ErrInvalid, "--cpus"},
		{func(o *Options) { o.CPUs = "NaN" }, ErrInvalid, "--cpus"},
		{func(o *Options) { o.CPUs = "Inf" }, ErrInvalid, "--cpus"},
		{func(o *Options) { o.CPUs = "0.001" }, ErrInvalid, "0.01 or more"},
		{func(o *Options) { o.CPUs, o.CPUQuota = "1", ptr(int64(5000)) }, ErrConflict, "--cpu-quota"},
		{func(o *Options) { o.CPUs, o.CPUPeriod = "1", ptr(uint64(5000)) }, ErrConflict, "--cpu-period"},
		{func(o *Options) { o.CPUPeriod = ptr(uint64(999)) }, ErrInvalid, "1000 to 1000000"},
		{func(o *Options) { o.CPUPeriod = ptr(uint64(1000001)) }, ErrInvalid, "1000 to 1000000"},
		{func(o *Options) { o.CPUQuota = ptr(int64(999)) }, ErrInvalid, "1000 microseconds"},
		{func(o *Options) { o.CPUQuota = ptr(int64(-2)) }, ErrInvalid, "1000 microseconds"},
		{func(o *Options) { o.CPUShares = ptr(uint64(1)) }, ErrInvalid, "2 to 262144"},
		{func(o *Options) { o.CPUShares = ptr(uint64(262145)) }, ErrInvalid, "2 to 262144"},
		{func(o *Options) { o.CpusetCPUs = "3-1" }, ErrInvalid, "--cpuset-cpus"},
		{func(o *Options) { o.CpusetCPUs = "0," }, ErrInvalid, "--cpuset-cpus"},
		{func(o *Options) { o.CpusetMems = "all" }, ErrInvalid, "--cpuset-mems"},
		{func(o *Options) { o.PidsLimit = ptr(int64(-2)) }, ErrInvalid, "--pids-limit"},
		{func(o *Options) { o.BlkioWeight = ptr(uint16(9)) }, ErrInvalid, "10 to 1000"},
		{func(o *Options) { o.BlkioWeight = ptr(uint16(1001)) }, ErrInvalid, "10 to 1000"},
		{func(o *Options) { o.BlkioWeightDevice = []string{"/dev/sda:5000"} }, ErrInvalid, "10 to 1000"},
		{func(o *Options) { o.DeviceReadBps = []string{"sda:1m"} }, ErrInvalid, "/dev/DEVICE:N"},
		{func(o *Options) { o.DeviceReadBps = []string{"/dev/sda"} }, ErrInvalid, "/dev/DEVICE:N"},
		{func(o *Options) { o.DeviceWriteBps = []string{"/dev/sda:fast"} }, ErrInvalid, "a size a second"},
		{func(o *Options) { o.DeviceReadIOPS = []string{"/dev/sda:1m"} }, ErrInvalid, "a number a second"},
		{func(o *Options) { o.DeviceWriteIOPS = []string{"/dev/no-such-disk:5"} }, ErrNotFound, "lsblk"},
		{func(o *Options) { o.DeviceWriteIOPS = []string{notBlock + ":5"} }, ErrInvalid, "not a block device"},
		{func(o *Options) { o.Cgroups = "some" }, ErrInvalid, "enabled, disabled, no-conmon and split"},
		{func(o *Options) { o.Cgroups, o.Memory = "disabled", "1g" }, ErrConflict, "limits are a cgroup's"},
		{func(o *Options) { o.Cgroups, o.CgroupParent = "disabled", "/x" }, ErrConflict, "--cgroup-parent"},
		{func(o *Options) { o.Cgroups, o.CgroupParent = "split", "/x" }, ErrConflict, "--cgroup-parent"},
		{func(o *Options) { o.CgroupParent = "/a/../b" }, ErrInvalid, "leads up"},
		{func(o *Options) { o.CgroupParent = "a\nb" }, ErrInvalid, "newline"},
	} {
		o := ask(c.change).Options
		wantErr(t, o.Check(), c.kind, c.text)
	}
}

func TestCgroupWritable(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   bool
	}{
		{func(o *Options) {}, false},
		{func(o *Options) { o.Privileged = true }, true},
		{func(o *Options) { o.Privileged, o.Cgroupns = true, "host" }, false},
		{func(o *Options) { o.SecurityOpt = []string{"unmask=/sys/fs/cgroup"} }, true},
	} {
		if _, e := mustBuild(t, ask(c.change)); e.CgroupWritable != c.want {
			t.Errorf("%v, want %v", e.CgroupWritable, c.want)
		}
	}
}

func TestUpdateLimits(t *testing.T) {
	l := Limits{Memory: "1g", MemorySwap: "2g", CPUs: "2"}
	l.Update(&Limits{CPUQuota: ptr(int64(5000)), PidsLimit: ptr(int64(0))})
	if l.CPUs != "" || *l.CPUQuota != 5000 || *l.PidsLimit != 0 || l.Memory != "1g" {
		t.Errorf("%+v", l)
	}
	l.Update(&Limits{CPUs: "1", Memory: "0"})
	if l.CPUs != "1" || l.CPUQuota != nil || l.MemorySwap != "" {
		t.Errorf("%+v", l)
	}
	if _, err := LimitsOf(&l); err != nil {
		t.Error(err)
	}
	if !l.Any() || new(Limits).Any() {
		t.Error("Any is wrong")
	}
}

func FuzzLimits(f *testing.F) {
	for _, s := range []string{"512m", "-1", "0", "1.5", "0-3,5", "/dev/sda:1m", "1e30", "9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range []*Limits{{Memory: s}, {Memory: "1g", MemorySwap: s}, {MemoryReservation: s}, {CPUs: s}, {CpusetCPUs: s}, {DeviceReadBps: []string{s}}} {
			r, err := LimitsOf(l)
			if err != nil {
				if !strings.Contains(err.Error(), "--") {
					t.Errorf("%q: %v names no flag", s, err)
				}
				continue
			}
			if r == nil {
				continue
			}
			if m := r.Memory; m != nil && m.Limit != nil && *m.Limit < -1 {
				t.Errorf("%q: memory %d", s, *m.Limit)
			}
			if c := r.CPU; c != nil && c.Quota != nil && *c.Quota != -1 && *c.Quota < 1000 {
				t.Errorf("%q: quota %d", s, *c.Quota)
			}
		}
	})
}
