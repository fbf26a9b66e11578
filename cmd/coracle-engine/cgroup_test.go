//go:build containers_image_openpgp

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/cgroup"
)

func TestCgroupOrders(t *testing.T) {
	for name, o := range map[string]cgroup.Order{
		"nothing": {}, "both": {Scope: &cgroup.Scope{}, V1: &cgroup.V1Limits{}},
		"no bus": {Scope: &cgroup.Scope{Bus: filepath.Join(t.TempDir(), "bus"), Name: "x.scope", PID: 1}},
	} {
		err := cgroupDo(context.Background(), o)
		if err == nil || name == "no bus" && !strings.Contains(err.Error(), "cannot reach systemd at ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScopeProperties(t *testing.T) {
	got := map[string]string{}
	for _, p := range scopeProperties(cgroup.Scope{PID: 7, Slice: "work.slice", Description: "d"}) {
		got[p.Name] = p.Value.String()
	}
	for name, want := range map[string]string{"PIDs": "[@u 7]", "Delegate": "true", "Slice": `"work.slice"`, "CollectMode": `"inactive-or-failed"`} {
		if !strings.Contains(got[name], strings.Trim(want, "[@u ]")) {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	if all := scopeProperties(cgroup.Scope{PID: 7}); len(all) != 4 {
		t.Errorf("without a slice: %v", all)
	}
}

func TestAwaitJob(t *testing.T) {
	ended := func(job dbus.ObjectPath, result string) *dbus.Signal {
		return &dbus.Signal{Name: systemdManager + ".JobRemoved", Body: []any{uint32(1), job, "x.scope", result}}
	}
	for name, c := range map[string]struct {
		signals []*dbus.Signal
		want    string
	}{
		"done":    {[]*dbus.Signal{{Name: "other"}, ended("/job/1", "failed"), ended("/job/2", "done")}, ""},
		"failed":  {[]*dbus.Signal{ended("/job/2", "failed")}, "journalctl"},
		"damaged": {[]*dbus.Signal{{Name: systemdManager + ".JobRemoved"}}, "went away"},
	} {
		ch := make(chan *dbus.Signal, 8)
		for _, s := range c.signals {
			ch <- s
		}
		close(ch)
		err := awaitJob(context.Background(), ch, "/job/2", "x.scope")
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := awaitJob(ctx, make(chan *dbus.Signal), "/job/2", "x.scope"); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Error(err)
	}
}

// limitsJSON is one of each limit, as the launcher sends them.
const limitsJSON = `{"memory":{"limit":100,"reservation":50,"swappiness":10,"disableOOMKiller":true},
 "cpu":{"quota":5000,"period":10000,"shares":300,"cpus":"0","mems":"0"},"pids":{"limit":5},
 "blockIO":{"weight":100,"weightDevice":[{"major":8,"minor":0,"weight":50}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":7}],
 "throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":8}],"throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":9}],"throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":10}]}}`

func TestResourcesOf(t *testing.T) {
	var r specs.LinuxResources
	if err := json.Unmarshal([]byte(limitsJSON), &r); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	got := resourcesOf(cgroup.V1Limits{Dirs: map[string]string{"memory": dir}, Resources: &r})
	if got.Memory != 100 || got.MemorySwap != 0 || got.MemoryReservation != 50 || *got.MemorySwappiness != 10 || !got.OomKillDisable {
		t.Errorf("memory: %+v", got)
	}
	if got.CpuQuota != 5000 || got.CpuPeriod != 10000 || got.CpuShares != 300 || got.CpusetCpus != "0" || got.CpusetMems != "0" || *got.PidsLimit != 5 {
		t.Errorf("cpu and pids: %+v", got)
	}
	if got.BlkioWeight != 100 || got.BlkioWeightDevice[0].Weight != 50 || got.BlkioThrottleReadBpsDevice[0].Rate != 7 || got.BlkioThrottleWriteBpsDevice[0].Rate != 8 ||
		got.BlkioThrottleReadIOPSDevice[0].Rate != 9 || got.BlkioThrottleWriteIOPSDevice[0].Rate != 10 || !got.SkipDevices {
		t.Errorf("devices: %+v", got)
	}
	// With swap accounting docker's default counts.
	if err := os.WriteFile(filepath.Join(dir, "memory.memsw.limit_in_bytes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := resourcesOf(cgroup.V1Limits{Dirs: map[string]string{"memory": dir}, Resources: &r}); got.MemorySwap != 200 {
		t.Errorf("swap %d", got.MemorySwap)
	}
	if got := resourcesOf(cgroup.V1Limits{Resources: &specs.LinuxResources{}}); got.PidsLimit != nil || got.Memory != 0 {
		t.Errorf("nothing asked: %+v", got)
	}
}
