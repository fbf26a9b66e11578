package main

import (
	"encoding/json"
	"os"
	"strconv"

	"coracle/cmd/internal/format"
	"coracle/cmd/internal/text"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
)

// psNS are a container's namespaces in podman's words: their inodes as text, empty
// when it does not run.
type psNS struct {
	Cgroup, IPC, MNT, NET, PIDNS, UTS, User string
}

// Namespaces are the inodes of the container's namespaces.
func (r psRow) Namespaces() psNS {
	if r.c.PID == 0 {
		return psNS{}
	}
	m := containers.Namespaces(r.c.PID)
	s := func(kind string) string {
		if m[kind] == 0 {
			return ""
		}
		return strconv.FormatUint(m[kind], 10)
	}
	return psNS{s("cgroup"), s("ipc"), s("mnt"), s("net"), s("pid"), s("uts"), s("user")}
}

// psNamespaces is the table of --ns.
func psNamespaces(rows []psRow) (int, error) {
	lines := [][]string{}
	for _, r := range rows {
		n := r.Namespaces()
		lines = append(lines, []string{r.ID(), r.Names(), strconv.Itoa(r.Pid()), n.Cgroup, n.IPC, n.MNT, n.NET, n.PIDNS, n.User, n.UTS})
	}
	return status([]error{text.Table(os.Stdout, []string{"CONTAINER ID", "NAMES", "PID", "CGROUPNS", "IPC", "MNT", "NET", "PIDNS", "USERNS", "UTS"}, lines)})
}

// Size is how much the changes take on disk, with --size.
func (r psRow) Size() string {
	if !r.sized {
		return ""
	}
	return format.Size(r.size)
}

// sizes are the same for JSON, and that with the image: nothing unless asked for.
func (r psRow) sizes() any {
	if !r.sized {
		return nil
	}
	return map[string]int64{"rwSize": r.size, "rootFsSize": r.c.Intent.ImageSize + r.size}
}

// CIDFile is where --cidfile wrote the id.
func (r psRow) CIDFile() string { return cidfile(r.c) }

func cidfile(c *containers.Container) string {
	var o intent.Options
	_ = json.Unmarshal(c.Intent.Options, &o)
	return o.Cidfile
}

// AutoRemove tells whether it goes when it ends.
func (r psRow) AutoRemove() bool { return !r.c.Keep }

// Restarts is how often it was started again by itself.
func (r psRow) Restarts() int { return r.c.Restarts.Count }

// IsInfra, Pod, PodName and ExposedPorts are podman's: there are none here.
func (r psRow) IsInfra() bool { return false }

// Pod is empty.
func (r psRow) Pod() string { return "" }

// PodName is empty.
func (r psRow) PodName() string { return "" }

// ExposedPorts is empty.
func (r psRow) ExposedPorts() string { return "" }

// LocalVolumes is docker's: how many volumes are mounted.
func (r psRow) LocalVolumes() int {
	n := 0
	for _, m := range r.c.Mounts {
		if m.Type == "volume" {
			n++
		}
	}
	return n
}
