package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/doctor"
)

// InfoCmd is `coracle info`.
type InfoCmd struct {
	Format string `short:"f" placeholder:"TEMPLATE|json" help:"Print in another form: {{.Store.GraphRoot}}."`
	Debug  bool   `short:"D" hidden:"" help:"podman's; all is shown anyway."`
}

// Run prints what this host and this program are. What is missing or weaker than
// it could be goes with it: see doctor.
func (c *InfoCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	list, err := all.List()
	if err != nil {
		return launcher.ExitFailed, err
	}
	i := newInfo(all.About(), list, realMachine())
	f := strings.TrimSpace(c.Format)
	if f == "" || f == "json" || strings.Contains(f, "json .}}") || strings.Contains(f, "json . }}") || strings.Contains(f, ".Warnings") {
		i.warn(doctor.Run(ctx, doctor.Options{})) // it takes a while
	}
	if f == "" || f == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return status([]error{e.Encode(i)})
	}
	return status([]error{format.Inspect(os.Stdout, c.Format, []any{i})})
}

// newInfo fills podman's fields, and docker's from them.
func newInfo(a launcher.About, list []*containers.Container, m machine) *info {
	i := &info{Registries: map[string]any{}}
	i.Runtimes, i.Warnings = map[string]any{"coracle": map[string]string{"path": m.program}}, []string{}
	i.Host = m.host()
	i.Host.CgroupManager, i.Host.CgroupControllers = string(a.Cgroup.Way), listed(a.Cgroup.Delegated)
	if i.Host.CgroupManager == "files" || i.Host.CgroupManager == "version 1" {
		i.Host.CgroupManager = "cgroupfs"
	}
	i.Host.CgroupVersion = "v2"
	if a.Cgroup.Own.Exists() && !a.Cgroup.Own.V2() {
		i.Host.CgroupVersion = "v1"
	}
	i.Host.EventLogger, i.Host.LogDriver = "file", a.LogDriver
	i.Host.OCIRuntime = infoRuntime{Name: "coracle", Path: m.program, Version: launcher.Version()}
	i.Host.Security.Rootless = a.Grant.UID != 0
	i.Host.RootlessNetworkCmd = ""
	for _, s := range a.Grant.UIDs {
		i.Host.IDMappings.UIDMap = append(i.Host.IDMappings.UIDMap, infoIDMap{int(s.Inside), int(s.Outside), int(s.Size)})
	}
	for _, s := range a.Grant.GIDs {
		i.Host.IDMappings.GIDMap = append(i.Host.IDMappings.GIDMap, infoIDMap{int(s.Inside), int(s.Outside), int(s.Size)})
	}
	i.Plugins = infoPlugins{Log: launcher.LogDrivers(), Network: []string{"host", "none"}, Volume: []string{"local"}}
	i.Store = infoStore{
		GraphDriverName: "overlay", GraphRoot: a.Store, RunRoot: a.Run, VolumePath: a.Volumes, ContainerPath: a.Data, GraphOptions: map[string]string{},
		GraphStatus: map[string]string{}, ConfigFile: m.storageConf(a.Grant), ImageCopyTmpDir: "/var/tmp",
	}
	i.Store.GraphRootAllocated, i.Store.GraphRootUsed = m.space(a.Store)
	i.Store.ImageStore.Number = m.images(a.Store)
	s := &i.Store.ContainerStore
	for _, c := range list {
		s.Number++
		switch c.Status() {
		case containers.Running, containers.Restarting:
			s.Running++
		case containers.Paused:
			s.Paused++
		default:
			s.Stopped++
		}
	}
	v := versionOf("")
	i.Version = infoVersion{
		APIVersion: podmanVersion, Version: v.Coracle, GoVersion: v.Client.GoVersion, GitCommit: v.Client.GitCommit, BuiltTime: v.Client.BuiltTime, Built: v.Client.Built,
		OsArch: v.Client.OsArch, Os: v.Client.Os,
	}
	i.docker(m)
	return i
}

// docker fills docker's names for the same.
func (i *info) docker(m machine) {
	h, s := &i.Host, &i.Store
	i.ID, i.Name = m.machineID(), h.Hostname
	i.Containers, i.ContainersRunning = s.ContainerStore.Number, s.ContainerStore.Running
	i.ContainersPaused, i.ContainersStopped, i.Images = s.ContainerStore.Paused, s.ContainerStore.Stopped, s.ImageStore.Number
	i.Driver, i.DriverStatus, i.DockerRootDir = s.GraphDriverName, [][2]string{}, s.GraphRoot
	i.CgroupDriver, i.CgroupVersion = h.CgroupManager, strings.TrimPrefix(h.CgroupVersion, "v")
	i.LoggingDriver, i.KernelVersion, i.OSType = h.LogDriver, h.Kernel, h.OS
	i.OperatingSystem, i.OSVersion = m.prettyName(), h.Distribution.Version
	i.Architecture, i.NCPU, i.MemTotal = m.machine, h.CPUs, h.MemTotal
	i.ServerVersion, i.DefaultRuntime, i.InitBinary = i.Version.Version, "coracle", "coracle-init"
	i.IndexServerAddress, i.Labels, i.SystemTime = "https://index.docker.io/v1/", []string{}, m.now()
	i.SecurityOptions = []string{"name=seccomp,profile=builtin", "name=userns"}
	if h.Security.Rootless {
		i.SecurityOptions = append(i.SecurityOptions, "name=rootless")
	}
	has := func(controller string) bool {
		for _, c := range h.CgroupControllers {
			if c == controller {
				return true
			}
		}
		return false
	}
	i.MemoryLimit, i.SwapLimit, i.PidsLimit = has("memory"), has("memory"), has("pids")
	i.CPUShares, i.CPUCfsPeriod, i.CPUCfsQuota, i.CPUSet = has("cpu"), has("cpu"), has("cpu"), has("cpuset")
}

// warn adds what this host lacks.
func (i *info) warn(checks []doctor.Check) {
	for _, c := range checks {
		if c.Status != doctor.OK {
			i.Warnings = append(i.Warnings, c.Name+": "+c.Detail)
		}
	}
}

func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
