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
		NetworkSettings: inspectNetwork{Ports: map[string][]struct{ HostIP, HostPort string }{}, Networks: map[string]any{}},
	}
	if len(command) > 0 {
		i.Path, i.Args = command[0], command[1:]
	}
	if caps := spec.Process.Capabilities; caps != nil {
		i.EffectiveCaps, i.BoundingCaps = caps.Effective, caps.Bounding
	}
	for _, m := range c.Mounts {
		i.Mounts = append(i.Mounts, inspectMountOf(all, m))
	}
	if c.PID != 0 {
		i.NetworkSettings.SandboxKey = "/proc/" + strconv.Itoa(c.PID) + "/ns/net"
	}
	return i, nil
}

func inspectStateOf(all *launcher.Containers, c *containers.Container, spec *specs.Spec) inspectState {
	s := inspectState{
		OciVersion: spec.Version, Status: c.Status(), Running: c.Status() == containers.Running, Pid: c.PID,
		StartedAt: stamp(c.Started), FinishedAt: stamp(time.Time{}),
	}
	if c.PID != 0 {
		s.ConmonPid = all.Supervisor(c)
	}
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
		StopTimeout: int(c.Intent.StopTimeout), Timezone: o.TZ, CreateCommand: append([]string{"coracle", "run"}, c.Intent.Args...),
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
		UTSMode: or(o.UTS, "private"), UsernsMode: o.Userns, PortBindings: map[string]any{}, RestartPolicy: inspectRestart{Name: "no"}, AutoRemove: o.Rm || !c.Keep,
		CapAdd: o.CapAdd, CapDrop: o.CapDrop, Dns: o.DNS, DnsOptions: o.DNSOption, DnsSearch: o.DNSSearch, ExtraHosts: o.AddHost, GroupAdd: o.GroupAdd,
		Privileged: o.Privileged, ReadonlyRootfs: o.ReadOnly, SecurityOpt: o.SecurityOpt, Tmpfs: map[string]string{}, Runtime: "coracle", Init: o.Init,
		LogConfig: inspectLog{Type: or(c.Intent.LogDriver, "none"), Config: map[string]string{}},
	}
	if c.Intent.LogDriver != "" {
		h.LogConfig.Path = launcher.LogPath(c)
	}
	for _, opt := range o.LogOpt {
		k, v, _ := strings.Cut(opt, "=")
		h.LogConfig.Config[k] = v
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
	h.IDMappings = inspectMaps{mapStrings(spec.Linux.UIDMappings), mapStrings(spec.Linux.GIDMappings)}
	return h
}

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
	i := inspectMount{Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination, Options: m.Options, RW: !slices.Contains(m.Options, "ro") && !slices.Contains(m.Options, "rro")}
	if m.Type == "volume" {
		i.Driver, i.Source = "local", all.VolumePath(m.Name)
	}
	for _, o := range m.Options {
		if slices.Contains([]string{"private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"}, o) {
			i.Propagation = o
		}
	}
	return i
}
