package main

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/launcher/cgroup"
	"coracle/launcher/containers"
	"coracle/launcher/doctor"
	"coracle/userns"
)

func aMachine() machine {
	files := map[string]string{
		"/proc/meminfo": "MemTotal:       1024 kB\nMemFree:  12 kB\nSwapTotal: 0 kB\nSwapFree: x kB\nHugePages_Total:       0\n", "/proc/uptime": "7384.5 10.0\n",
		"/etc/os-release": "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID=\"12\"\n", "/etc/machine-id": "0123\n",
		"/store/overlay-images/images.json": `[{"id":"a"},{"id":"b"}]`,
	}
	return machine{
		readFile: func(path string) ([]byte, error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		},
		getenv: func(string) string { return "" }, release: "6.1.0", machine: "x86_64", hostname: "box", program: "/bin/coracle", time: time.Unix(0, 0),
	}
}

func anInfo() *info {
	a := launcher.About{
		Data: "/data", Run: "/run", Store: "/store", Volumes: "/data/volumes", LogDriver: "k8s-file", Cgroup: &cgroup.Host{Way: cgroup.Files, Delegated: []string{"memory", "pids"}},
		Grant: userns.Grant{UID: 1000, UIDs: userns.IDMap{{Inside: 0, Outside: 1000, Size: 1}, {Inside: 1, Outside: 100000, Size: 65536}}, GIDs: userns.IDMap{{Inside: 0, Outside: 1000, Size: 1}}},
	}
	return newInfo(a, []*containers.Container{{PID: 1, Running: true}, {Exit: &containers.Exit{}}, {}}, aMachine())
}

func TestInfoFields(t *testing.T) {
	for template, want := range map[string]string{
		"{{.Host.Kernel}} {{.Host.Hostname}} {{.Host.MemTotal}} {{.Host.Uptime}}":                                               "6.1.0 box 1048576 2h 3m 4.00s",
		"{{.Host.Distribution.Distribution}} {{.Host.Distribution.Version}}":                                                    "debian 12",
		"{{.Host.Security.Rootless}} {{.Host.CgroupManager}} {{.Host.CgroupVersion}} {{.Host.CgroupControllers}}":               "true cgroupfs v2 [memory pids]",
		"{{range .Host.IDMappings.UIDMap}}{{.ContainerID}}:{{.HostID}}:{{.Size}} {{end}}":                                       "0:1000:1 1:100000:65536 ",
		"{{.Store.GraphRoot}} {{.Store.GraphDriverName}} {{.Store.RunRoot}} {{.Store.ImageStore.Number}} {{.Store.VolumePath}}": "/store overlay /run 2 /data/volumes",
		"{{.Store.ContainerStore.Number}} {{.Store.ContainerStore.Running}} {{.Store.ContainerStore.Stopped}}":                  "3 1 2",
		"{{.ServerVersion}}": launcher.Version(), "{{.Version.Version}}": launcher.Version(), "{{.Driver}} {{.CgroupDriver}} {{.CgroupVersion}}": "overlay cgroupfs 2",
		"{{.DockerRootDir}} {{.OperatingSystem}} {{.Architecture}} {{.MemTotal}} {{.Images}}": "/store Debian GNU/Linux 12 x86_64 1048576 2",
		"{{.SecurityOptions}} {{.MemoryLimit}} {{.CPUSet}}":                                   "[name=seccomp,profile=builtin name=userns name=rootless] true false",
		"{{.Runtimes.nvidia}}": "<no value>", "{{json .Plugins.Volume}}": `["local"]`,
	} {
		var b strings.Builder
		if err := format.Inspect(&b, template, []any{anInfo()}); err != nil || strings.TrimSuffix(b.String(), "\n") != want {
			t.Errorf("%s: %v\ngot  %q\nwant %q", template, err, b.String(), want)
		}
	}
}

// The names of podman's JSON and of docker's.
func TestInfoJSON(t *testing.T) {
	i := anInfo()
	i.warn([]doctor.Check{{Name: "tun", Status: doctor.Warn, Detail: "is not there"}, {Name: "x", Status: doctor.OK}})
	b, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Host struct {
			IDMappings struct {
				UIDMap []struct {
					HostID int `json:"host_id"`
				} `json:"uidmap"`
			} `json:"idMappings"`
			Security struct{ Rootless bool }
		}
		Store            struct{ GraphRoot string }
		ServerVersion    string
		Warnings         []string
		CgroupDriver     string
		NCPU, Containers int
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Host.IDMappings.UIDMap[1].HostID != 100000 || !got.Host.Security.Rootless || got.Store.GraphRoot != "/store" || got.NCPU < 1 || got.Containers != 3 ||
		len(got.Warnings) != 1 || got.Warnings[0] != "tun: is not there" || got.CgroupDriver != "cgroupfs" || got.ServerVersion == "" {
		t.Errorf("%+v", got)
	}
}

func TestInfoNothingReadable(t *testing.T) {
	m := machine{readFile: func(string) ([]byte, error) { return nil, fs.ErrPermission }, getenv: func(string) string { return "" }}
	h := m.host()
	if h.MemTotal != 0 || h.Uptime != "0h 0m 0.00s" || m.prettyName() != "linux" || m.images("/x") != 0 {
		t.Errorf("%+v", h)
	}
	if size, used := m.space("/nosuch/dir"); size == 0 || used > size {
		t.Errorf("%d of %d", used, size)
	}
}
