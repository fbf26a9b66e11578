package launcher

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"coracle/launcher/containers"
	"coracle/launcher/processes"
	"coracle/userns"
)

// Namespace is one of a container's namespaces.
type Namespace struct {
	Type  string // as in [containers.NamespaceTypes]
	Inode uint64
	// Host says that it is the one of the caller, whose inode HostInode is.
	Host      bool
	HostInode uint64
	// Shared are the names of other running containers that are in it.
	Shared []string `json:",omitempty"`
}

// Member is a process of a container, with its pids inside and outside.
type Member struct {
	// PID is its pid in the container, HostPID the caller's for it.
	PID, HostPID int
	// NSpid are its pids from the caller's pid namespace on inwards
	// (proc_pid_status(5)).
	NSpid   []int
	Command string
}

// NamespaceView is what a running container is isolated by.
type NamespaceView struct {
	ID   string `json:"Id"`
	Name string
	// PID is the first process, Supervisor its supervisor, or 0.
	PID, Supervisor int
	Namespaces      []Namespace
	// UIDMap and GIDMap map the container's ids to the caller's.
	UIDMap, GIDMap userns.IDMap
	Processes      []Member
}

// NamespacesOf tells a container's namespaces beside the caller's and those of
// the others; all of them have inode 0 when it does not run.
func NamespacesOf(c *containers.Container, others []*containers.Container) (out []Namespace) {
	var mine map[string]uint64
	if c.PID != 0 {
		mine = containers.Namespaces(c.PID)
	}
	own := containers.Namespaces(0)
	theirs := make(map[string]map[string]uint64)
	for _, o := range others {
		if o.ID != c.ID && o.PID != 0 {
			theirs[o.Name] = containers.Namespaces(o.PID)
		}
	}
	for _, kind := range containers.NamespaceTypes() {
		n := Namespace{Type: kind, Inode: mine[kind], Host: mine[kind] != 0 && mine[kind] == own[kind], HostInode: own[kind]}
		for name, its := range theirs {
			if n.Inode != 0 && !n.Host && its[kind] == n.Inode {
				n.Shared = append(n.Shared, name)
			}
		}
		slices.Sort(n.Shared)
		out = append(out, n)
	}
	return out
}

// View tells everything about a running container's namespaces. Errors:
// [ErrNotRunning].
func (c *Containers) View(x *containers.Container, others []*containers.Container) (*NamespaceView, error) {
	v := &NamespaceView{ID: x.ID, Name: x.Name, PID: x.PID, Supervisor: c.Supervisor(x), Namespaces: NamespacesOf(x, others), Processes: []Member{}}
	var err error
	if v.UIDMap, v.GIDMap, err = userns.MapsOf(x.PID); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: %s", ErrNotRunning, x.Name)
		}
		return nil, err
	}
	list, err := processes.List(x.PID)
	if errors.Is(err, os.ErrProcessDone) {
		err = fmt.Errorf("%w: %s", ErrNotRunning, x.Name)
	}
	for _, p := range list {
		v.Processes = append(v.Processes, Member{PID: p.PID, HostPID: p.HostPID, NSpid: p.NSpid, Command: p.Comm})
	}
	return v, err
}
