package main_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// podmanInspect is what podman's Go clients read of define.InspectContainerData:
// types as there, which are stricter than docker's in places.
type podmanInspect struct {
	ID      string    `json:"Id"`
	Created time.Time `json:"Created"`
	Args    []string
	State   *struct {
		OciVersion, Status, Error, CgroupPath string
		Running, Paused, Restarting           bool
		OOMKilled, Dead, StoppedByUser        bool
		Pid, ConmonPid                        int
		ExitCode                              int32
		StartedAt, FinishedAt, CheckpointedAt time.Time
	}
	Image, ImageName, ImageDigest, Driver, OCIRuntime, Pod, Name string
	RestartCount                                                 int32
	ExecIDs                                                      []string
	EffectiveCaps, BoundingCaps                                  []string
	Mounts                                                       []struct {
		Type, Name, Source, Destination, Driver, Mode, Propagation string
		Options                                                    []string
		RW                                                         bool
	}
	NetworkSettings *struct {
		IPAddress, MacAddress, SandboxKey, Gateway string
		IPPrefixLen                                int
		Ports                                      map[string][]struct {
			HostIP   string `json:"HostIp"`
			HostPort string
		}
		Networks map[string]*struct {
			IPAddress, GlobalIPv6Address, MacAddress, Gateway, NetworkID string
			Aliases                                                      []string
		}
	}
	Config *struct {
		Hostname, User, Image, WorkingDir, StopSignal, Umask, Timezone, HealthLogDestination string
		Tty, OpenStdin                                                                       bool
		Env, Cmd, Entrypoint, CreateCommand                                                  []string
		Labels, Annotations                                                                  map[string]string
		StopTimeout                                                                          uint
		HealthMaxLogCount                                                                    uint                `json:"HealthcheckMaxLogCount"`
		HealthMaxLogSize                                                                     uint                `json:"HealthcheckMaxLogSize"`
		ExposedPorts                                                                         map[string]struct{} `json:"ExposedPorts,omitempty"`
	}
	HostConfig *struct {
		NetworkMode, IpcMode, PidMode, UTSMode, UsernsMode, CgroupMode string
		Privileged, AutoRemove, AutoRemoveImage, ReadonlyRootfs        bool
		RestartPolicy                                                  struct {
			Name              string
			MaximumRetryCount uint
		}
		LogConfig struct {
			Type, Path, Size, Tag string
			Config                map[string]string
		}
		Ulimits []struct {
			Name       string
			Soft, Hard int64
		}
		Binds, Dns, ExtraHosts, SecurityOpt, CapAdd, CapDrop []string
		ShmSize, Memory, PidsLimit, CpuQuota                 int64
		CpuPeriod                                            uint64
		PortBindings                                         map[string][]struct{ HostPort string }
		IDMappings                                           *struct{ UidMap, GidMap []string }
	}
}

// What inspect prints is what docker's and podman's own clients decode.
func TestInspectDecodes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: makes users of its own")
	}
	theSuite.install(t)
	w := newCrashWorld(t)
	flags := strings.Fields("--name c -l k=v -e A=b -w /tmp -u 1 --hostname h -v vol:/vol -v /usr:/u:ro --tmpfs /t --ulimit nofile=64:65 --cap-add NET_ADMIN --cap-drop CHOWN " +
		"--security-opt no-new-privileges --read-only --stop-timeout 3 --log-opt max-size=1m --device /dev/null --shm-size 1m --add-host a:1.2.3.4")
	w.coracle(append(append([]string{"run", "-d"}, flags...), "coracle/base", "sleep", "1000"))
	w.coracle([]string{"create", "--name", "made", "coracle/base", "true"})
	w.coracle([]string{"run", "--name", "done", "coracle/base", "sh", "-c", "exit 3"}, 3)
	text := w.coracle([]string{"inspect", "c", "made", "done"})
	var docker []container.InspectResponse
	if err := json.Unmarshal([]byte(text), &docker); err != nil || len(docker) != 3 {
		t.Fatalf("docker: %d, %v\n%s", len(docker), err, text)
	}
	var podman []podmanInspect
	if err := json.Unmarshal([]byte(text), &podman); err != nil || len(podman) != 3 {
		t.Fatalf("podman: %d, %v\n%s", len(podman), err, text)
	}
	c := docker[0]
	if c.State == nil || c.Config == nil || c.HostConfig == nil || c.NetworkSettings == nil {
		t.Fatalf("%+v", c)
	}
	if c.State.Status != container.StateRunning || !c.State.Running || c.State.Pid == 0 || c.Name != "c" || c.Path != "sleep" || !slices.Equal(c.Args, []string{"1000"}) {
		t.Errorf("%+v", c.State)
	}
	if k := c.Config; k.Labels["k"] != "v" || !slices.Contains(k.Env, "A=b") || k.WorkingDir != "/tmp" || k.User != "1" || k.Hostname != "h" || k.StopTimeout == nil || *k.StopTimeout != 3 || k.Image != "coracle/base" {
		t.Errorf("%+v", k)
	}
	h := c.HostConfig
	if !h.ReadonlyRootfs || !slices.Equal(h.CapAdd, []string{"NET_ADMIN"}) || !slices.Equal(h.CapDrop, []string{"CHOWN"}) || len(h.Ulimits) == 0 || h.ShmSize != 1<<20 || h.RestartPolicy.Name != "no" || len(h.Devices) != 1 || h.ExtraHosts[0] != "a:1.2.3.4" {
		t.Errorf("%+v", h)
	}
	kinds := map[mount.Type]string{}
	for _, m := range c.Mounts {
		kinds[m.Type] += m.Destination
	}
	if kinds[mount.TypeVolume] != "/vol" || kinds[mount.TypeBind] != "/u" {
		t.Errorf("%v", kinds)
	}
	for n, want := range map[int]container.ContainerState{1: container.StateCreated, 2: container.StateExited} {
		if got := docker[n].State; got.Status != want || got.Running {
			t.Errorf("%+v", got)
		}
	}
	if docker[2].State.ExitCode != 3 {
		t.Errorf("%+v", docker[2].State)
	}
	p := podman[0]
	if p.State.ConmonPid == 0 || p.State.StartedAt.Before(p.Created) || p.ImageDigest == "" || len(p.Config.CreateCommand) < 20 || p.HostConfig.LogConfig.Size != "1m" || p.NetworkSettings.SandboxKey == "" || len(p.HostConfig.IDMappings.UidMap) == 0 {
		t.Errorf("%+v", p)
	}
	if !podman[1].State.StartedAt.IsZero() || podman[2].State.FinishedAt.IsZero() {
		t.Errorf("%+v %+v", podman[1].State, podman[2].State)
	}
	var list []struct {
		ID      string `json:"Id"`
		Names   []string
		Created int64
		Labels  map[string]string
		Mounts  []string
		State   string
		Pid     int
		Exited  bool
		Ports   []any
		Command []string
	}
	if err := json.Unmarshal([]byte(w.coracle([]string{"ps", "-a", "--format", "json"})), &list); err != nil || len(list) != 3 {
		t.Errorf("%+v, %v", list, err)
	}
	w.coracle([]string{"rm", "-f", "-a"})
	w.coracle([]string{"volume", "rm", "vol"})
}
