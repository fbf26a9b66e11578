package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/storage/volume"
)

// inspectContainer shows everything about a container, in podman's and docker's
// words.
func inspectContainer(all *launcher.Containers, c *containers.Container) (*inspected, error) {
	if c.Err != nil {
		return nil, c.Err
	}
	var o intent.Options
	_ = json.Unmarshal(c.Intent.Options, &o) // a throw-away container has none yet
	spec, err := c.Spec()
	switch {
	case errors.Is(err, fs.ErrNotExist): // nor this
		spec = &specs.Spec{Process: &specs.Process{}, Linux: &specs.Linux{}}
	case err != nil:
		return nil, err
	}
	command := c.Intent.Command()
	i := &inspected{
		ID: c.ID, Name: c.Name, Created: c.Intent.Created.Format(time.RFC3339Nano), Args: []string{},
		Image: c.Intent.ImageID, ImageName: c.Intent.Image, Rootfs: c.Intent.Rootfs, Driver: "overlay", OCIRuntime: "coracle",
		OCIConfigPath: filepath.Join(c.Path, containers.SpecFact), ExecIDs: []string{}, Mounts: []inspectMount{},
		State: inspectStateOf(all, c, spec), Config: inspectConfigOf(c, &o, spec), HostConfig: inspectHostOf(c, &o, spec),
		NetworkSettings: inspectNetwork{Ports: map[string][]inspectPort{}, Networks: map[string]*inspectEndpoint{}},
		GraphDriver:     inspectDriver{"overlay", map[string]string{}}, ImageDigest: c.Intent.ImageDigest, EffectiveCaps: []string{}, BoundingCaps: []string{},
	}
	inspectLimits(i, c, spec)
	i.RestartCount = c.Restarts.Count
	if len(command) > 0 {
		i.Path, i.Args = command[0], command[1:]
	}
	if caps := spec.Process.Capabilities; caps != nil {
		i.EffectiveCaps, i.BoundingCaps = orNone(caps.Effective), orNone(caps.Bounding)
	}
	for _, m := range c.Mounts {
		i.Mounts = append(i.Mounts, inspectMountOf(all, m))
	}
	inspectEgress(i, c, &o)
	if err := inspectAttached(&i.NetworkSettings, all, c); err != nil {
		return nil, err
	}
	if c.PID != 0 {
		i.NetworkSettings.SandboxKey = "/proc/" + strconv.Itoa(c.PID) + "/ns/net"
		inspectNetworkOf(&i.NetworkSettings, c, &o)
	}
	return i, nil
}

func inspectStateOf(all *launcher.Containers, c *containers.Container, spec *specs.Spec) inspectState {
	s := inspectState{
		OciVersion: spec.Version, Status: c.Status(), Running: c.PID != 0, Paused: c.Paused, Pid: c.PID,
		StartedAt: stamp(c.Started), FinishedAt: stamp(time.Time{}), CheckpointedAt: stamp(time.Time{}), RestoredAt: stamp(time.Time{}),
	}
	if c.PID != 0 {
		s.ConmonPid = all.Supervisor(c)
	}
	inspectRestarts(c, &s)
	if c.Exit != nil {
		s.ExitCode, s.Error, s.OOMKilled, s.FinishedAt = c.Exit.Status, c.Exit.Error, c.Exit.OOMKilled, stamp(c.Exit.Finished)
	}
	return s
}

// stamp is a time as docker shows it; the zero time stands for never.
func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

func inspectConfigOf(c *containers.Container, o *intent.Options, spec *specs.Spec) inspectConfig {
	i := inspectConfig{
		Hostname: spec.Hostname, Domainname: spec.Domainname, User: c.Intent.User, Tty: c.Intent.TTY, OpenStdin: c.Intent.Interactive, StdinOnce: c.Intent.Interactive,
		Env: spec.Process.Env, Cmd: c.Intent.Cmd, Image: c.Intent.Image, WorkingDir: spec.Process.Cwd, Entrypoint: c.Intent.Entrypoint,
		Labels: orEmpty(c.Intent.Labels), Annotations: orEmpty(spec.Annotations), StopSignal: intent.SignalName(c.Intent.StopSignal),
		StopTimeout: int(c.Intent.StopTimeout), Timezone: o.TZ, CreateCommand: c.Intent.CreateCommand, HealthLogDestination: "local",
	}
	inspectHealth(c, &i)
	if i.CreateCommand == nil { // made by an older version
		i.CreateCommand = append([]string{"coracle", "run"}, c.Intent.Args...)
	}
	for _, port := range c.Intent.ExposedPorts {
		if i.ExposedPorts == nil {
			i.ExposedPorts = map[string]struct{}{}
		}
		i.ExposedPorts[port] = struct{}{}
	}
	for _, m := range c.Mounts {
		if m.Anonymous {
			if i.Volumes == nil {
				i.Volumes = map[string]struct{}{}
			}
			i.Volumes[m.Destination] = struct{}{}
		}
	}
	if mask := spec.Process.User.Umask; mask != nil {
		i.Umask = fmt.Sprintf("%04o", *mask)
	}
	return i
}

func inspectHostOf(c *containers.Container, o *intent.Options, spec *specs.Spec) inspectHostConfig {
	or := func(s, def string) string {
		if s == "" {
			return def
		}
		return s
	}
	h := inspectHostConfig{
		Binds: []string{}, CgroupMode: or(o.Cgroupns, "private"), NetworkMode: or(c.Intent.Network, "none"), IpcMode: or(o.IPC, "private"), PidMode: or(o.PID, "private"),
		UTSMode: or(o.UTS, "private"), UsernsMode: o.Userns, PortBindings: inspectBindings(o), PublishAllPorts: o.PublishAll, RestartPolicy: inspectPolicy(c), AutoRemove: o.Rm || !c.Keep,
		CapAdd: orNone(o.CapAdd), CapDrop: orNone(o.CapDrop), Dns: orNone(o.DNS), DnsOptions: orNone(o.DNSOption), DnsSearch: orNone(o.DNSSearch), ExtraHosts: orNone(o.AddHost), GroupAdd: orNone(o.GroupAdd),
		Annotations: orEmpty(spec.Annotations), VolumesFrom: o.VolumesFrom, Links: []string{}, CgroupnsMode: or(o.Cgroupns, "private"), ContainerIDFile: o.Cidfile,
		MaskedPaths: orNone(spec.Linux.MaskedPaths), ReadonlyPaths: orNone(spec.Linux.ReadonlyPaths), Devices: []inspectPath{}, Ulimits: []inspectUlimit{},
		Privileged: o.Privileged, ReadonlyRootfs: o.ReadOnly, SecurityOpt: orNone(o.SecurityOpt), Tmpfs: map[string]string{}, Runtime: "coracle", Init: o.Init,
		LogConfig: inspectLog{Type: or(c.Intent.LogDriver, "none"), Config: map[string]string{}},
	}
	if c.Intent.LogDriver != "" {
		h.LogConfig.Path = launcher.LogPath(c)
	}
	for _, opt := range o.LogOpt {
		k, v, _ := strings.Cut(opt, "=")
		h.LogConfig.Config[k] = v
	}
	h.LogConfig.Tag, h.LogConfig.Size = h.LogConfig.Config["tag"], or(h.LogConfig.Config["max-size"], "0B")
	for _, d := range o.Device {
		p := strings.SplitN(d, ":", 3)
		switch {
		case len(p) == 1:
			p = []string{p[0], p[0], "rwm"}
		case len(p) == 2 && strings.HasPrefix(p[1], "/"):
			p = append(p, "rwm")
		case len(p) == 2:
			p = []string{p[0], p[0], p[1]}
		}
		h.Devices = append(h.Devices, inspectPath{p[0], p[1], p[2]})
	}
	for _, t := range o.Tmpfs {
		dst, opts, _ := strings.Cut(t, ":")
		h.Tmpfs[dst] = opts
	}
	for _, m := range c.Mounts {
		from := m.Source
		if m.Type == "volume" {
			from = m.Name
		}
		if m.Type == "bind" || m.Type == "volume" {
			h.Binds = append(h.Binds, strings.TrimSuffix(from+":"+m.Destination+":"+strings.Join(m.Options, ","), ":"))
		}
	}
	for _, m := range spec.Mounts {
		if m.Destination == "/dev/shm" {
			h.ShmSize = sizeOption(m.Options)
		}
	}
	if n := spec.Process.OOMScoreAdj; n != nil {
		h.OomScoreAdj = *n
	}
	for _, r := range spec.Process.Rlimits {
		h.Ulimits = append(h.Ulimits, inspectUlimit{r.Type, int64(r.Soft), int64(r.Hard)})
	}
	h.inspectResources = inspectResourcesOf(o, spec)
	h.IDMappings = inspectMaps{mapStrings(spec.Linux.UIDMappings), mapStrings(spec.Linux.GIDMappings)}
	return h
}

// orNone is what tools read without asking for null.
func orNone(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// imageSize is what the container's image takes unpacked.
func imageSize(c *containers.Container) int64 { return c.Intent.ImageSize }

func sizeOption(options []string) int64 {
	for _, o := range options {
		if s, ok := strings.CutPrefix(o, "size="); ok && s != "" {
			unit := map[byte]int64{'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30}[s[len(s)-1]]
			if unit != 0 {
				s = s[:len(s)-1]
			}
			n, _ := strconv.ParseInt(s, 10, 64)
			return n * max(unit, 1)
		}
	}
	return 0
}

func mapStrings(maps []specs.LinuxIDMapping) (out []string) {
	for _, m := range maps {
		out = append(out, fmt.Sprintf("%d:%d:%d", m.ContainerID, m.HostID, m.Size))
	}
	return out
}

func inspectMountOf(all *launcher.Containers, m volume.Mount) inspectMount {
	i := inspectMount{Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination, Options: orNone(m.Options), RW: !slices.Contains(m.Options, "ro") && !slices.Contains(m.Options, "rro")}
	if m.Type == "volume" {
		i.Driver, i.Source = "local", all.VolumePath(m.Name)
	}
	if m.Type == "bind" || m.Type == "volume" {
		i.Propagation = "rprivate"
	}
	for _, o := range m.Options {
		if slices.Contains([]string{"private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"}, o) {
			i.Propagation = o
		}
	}
	return i
}
