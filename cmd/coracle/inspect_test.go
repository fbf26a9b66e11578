package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/storage"
	"coracle/storage/volume"
)

func TestSizeOption(t *testing.T) {
	for options, want := range map[string]int64{
		"": 0, "nosuid": 0, "size=65536k": 65536 << 10, "nosuid,size=1m": 1 << 20, "size=2g,size=1": 2 << 30, "size=512": 512,
		"size=": 0, "size=k": 0, "size=x": 0, "size=10%": 0,
	} {
		if got := sizeOption(strings.Split(options, ",")); got != want {
			t.Errorf("%q: %d, want %d", options, got, want)
		}
	}
}

func TestInspectHelpers(t *testing.T) {
	if got := mapStrings([]specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: 2}, {ContainerID: 3, HostID: 4, Size: 5}}); !slices.Equal(got, []string{"0:1:2", "3:4:5"}) {
		t.Errorf("%q", got)
	}
	if got := stamp(time.Time{}); got != "0001-01-01T00:00:00Z" { // what docker and podman say for never
		t.Error(got)
	}
	if orEmpty(nil) == nil {
		t.Error("no map is null in JSON")
	}
	for options, want := range map[string]inspectMount{
		"ro,rslave": {Propagation: "rslave"}, "rw": {RW: true, Propagation: "rprivate"}, "": {RW: true, Propagation: "rprivate"}, "rro": {Propagation: "rprivate"}, "rprivate,z": {RW: true, Propagation: "rprivate"},
	} {
		m := inspectMountOf(nil, volume.Mount{Type: "bind", Source: "/a", Destination: "/b", Options: strings.Split(options, ",")})
		if m.RW != want.RW || m.Propagation != want.Propagation || m.Source != "/a" || m.Destination != "/b" || m.Driver != "" {
			t.Errorf("%q: %+v", options, m)
		}
	}
}

func TestInspectParts(t *testing.T) {
	mask, adj := uint32(0o22), 5
	spec := &specs.Spec{
		Version: "1.2.0", Hostname: "h", Annotations: map[string]string{"x": "y"},
		Process: &specs.Process{Env: []string{"A=1"}, Cwd: "/w", User: specs.User{Umask: &mask}, OOMScoreAdj: &adj, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1, Hard: 2}}},
		Mounts:  []specs.Mount{{Destination: "/dev/shm", Options: []string{"size=64m"}}},
		Linux:   &specs.Linux{UIDMappings: []specs.LinuxIDMapping{{Size: 3}}},
	}
	c := &containers.Container{
		Dir: &storage.Dir{ID: "id", Keep: true}, Started: time.Unix(100, 0), Exit: &containers.Exit{Status: 9, OOMKilled: true, Error: "why", Finished: time.Unix(200, 0)},
		Intent: containers.Intent{Image: "img", Entrypoint: []string{"e"}, Cmd: []string{"c"}, StopSignal: 15, StopTimeout: 10, TTY: true, Interactive: true, LogDriver: "k8s-file", Args: []string{"img", "c"}},
		Mounts: []volume.Mount{{Type: "volume", Name: "v", Destination: "/v", Anonymous: true}, {Type: "bind", Source: "/s", Destination: "/d", Options: []string{"ro"}}, {Type: "tmpfs", Destination: "/t"}},
	}
	o := &intent.Options{Tmpfs: []string{"/t:size=1m", "/u"}, LogOpt: []string{"max-size=4k"}, CapAdd: []string{"X"}, IPC: "host", Init: true}
	i := inspectConfigOf(c, o, spec)
	if i.Hostname != "h" || i.Umask != "0022" || i.StopSignal != "SIGTERM" || i.StopTimeout != 10 || !i.Tty || !i.OpenStdin || i.WorkingDir != "/w" || len(i.Volumes) != 1 || !slices.Equal(i.CreateCommand, []string{"coracle", "run", "img", "c"}) {
		t.Errorf("%+v", i)
	}
	h := inspectHostOf(c, o, spec)
	want := inspectLog{Type: "k8s-file", Config: map[string]string{"max-size": "4k"}, Path: launcher.LogPath(c), Size: "4k"}
	if !reflect.DeepEqual(h.LogConfig, want) || h.IpcMode != "host" || h.PidMode != "private" || h.NetworkMode != "none" || h.ShmSize != 64<<20 || h.OomScoreAdj != 5 || len(h.Ulimits) != 1 || !h.Init || h.AutoRemove {
		t.Errorf("%+v", h)
	}
	if !reflect.DeepEqual(h.Tmpfs, map[string]string{"/t": "size=1m", "/u": ""}) || !slices.Equal(h.Binds, []string{"v:/v", "/s:/d:ro"}) {
		t.Errorf("%+v %q", h.Tmpfs, h.Binds)
	}
	s := inspectStateOf(nil, c, spec)
	if s.Status != "exited" || s.Running || s.ExitCode != 9 || !s.OOMKilled || s.Error != "why" || s.StartedAt != stamp(time.Unix(100, 0)) || s.FinishedAt != stamp(time.Unix(200, 0)) {
		t.Errorf("%+v", s)
	}
	// Tools read lists and maps without asking for null.
	b, err := json.Marshal(h)
	if err != nil || strings.Contains(string(b), `"Binds":null`) || strings.Contains(string(b), `"PortBindings":null`) {
		t.Errorf("%s, %v", b, err)
	}
}
