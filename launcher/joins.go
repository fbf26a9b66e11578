package launcher

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/containers"
	"coracle/storage"
	"coracle/userns"
)

// nsFiles are the names of namespaces below /proc/PID/ns.
var nsFiles = map[specs.LinuxNamespaceType]string{
	specs.UserNamespace: "user", specs.PIDNamespace: "pid", specs.NetworkNamespace: "net",
	specs.IPCNamespace: "ipc", specs.UTSNamespace: "uts", specs.CgroupNamespace: "cgroup", specs.MountNamespace: "mnt",
}

// openJoins opens the namespaces of other containers that the options name.
//
// A process may enter a namespace only with power over the user namespace that
// owns it, and only there can it mount what belongs to it. So whoever shares a
// network, ipc or pid namespace with a container and asks for no user namespace
// of another kind shares that container's too, as podman's containers all do.
func (l *launch) openJoins() error {
	l.joins, l.joined = make(map[specs.LinuxNamespaceType]*os.File), make(map[specs.LinuxNamespaceType]string)
	o := l.options
	asked := []struct {
		kind  specs.LinuxNamespaceType
		value string
	}{
		{specs.UserNamespace, o.Userns}, {specs.PIDNamespace, o.PID}, {specs.IPCNamespace, o.IPC},
		{specs.UTSNamespace, o.UTS}, {specs.CgroupNamespace, o.Cgroupns},
		{specs.NetworkNamespace, strings.Join(o.Network, ",")},
	}
	for _, a := range asked {
		name, ok := strings.CutPrefix(a.value, "container:")
		if !ok {
			continue
		}
		if err := l.join(a.kind, name); err != nil {
			return fmt.Errorf("cannot share the %s namespace of container %s: %w", a.kind, name, err)
		}
		if a.kind == specs.IPCNamespace { // its /dev/shm is a mount
			if err := l.join(specs.MountNamespace, name); err != nil {
				return err
			}
		}
		if _, have := l.joins[specs.UserNamespace]; !have && o.Userns == "" && len(o.UIDMap)+len(o.GIDMap) == 0 {
			if err := l.join(specs.UserNamespace, name); err != nil {
				return err
			}
			o.Userns = a.value
		}
	}
	return nil
}

func (l *launch) join(kind specs.LinuxNamespaceType, name string) error {
	id, pid, start, err := l.running(name)
	if err != nil {
		return err
	}
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/" + nsFiles[kind])
	if err != nil {
		return err
	}
	if containers.StartTime(pid) != start {
		f.Close()
		return fmt.Errorf("it ended just now")
	}
	l.joins[kind], l.joined[kind] = f, id
	if kind == specs.UserNamespace {
		return l.adoptMaps(pid)
	}
	return nil
}

// startWait bounds how long a container that is starting is waited for by one
// that shares its namespaces.
const startWait = 500 * time.Millisecond

// running finds a container's first process.
func (l *launch) running(name string) (id string, pid int, start string, err error) {
	d, err := storage.Containers{Data: l.paths.Data}.Lookup(name)
	if err != nil {
		return "", 0, "", err
	}
	if err := settleFor(d, startWait); err != nil { // it may be starting
		return "", 0, "", err
	}
	alive, err := d.Alive()
	if err != nil {
		return "", 0, "", err
	}
	state, ok := containers.ReadState(d)
	if !alive || !ok || !state.Process(false) {
		return "", 0, "", fmt.Errorf("it is not running\n  fix: start it first")
	}
	return d.ID, state.PID, state.Start, nil
}

// adoptMaps takes the id maps of a container whose user namespace is shared.
func (l *launch) adoptMaps(pid int) error {
	uids, gids, err := userns.MapsOf(pid)
	if err != nil {
		return err
	}
	l.joinMaps = userns.Maps{UIDs: uids.Compose(l.grant.UIDs.Inverse()), GIDs: gids.Compose(l.grant.GIDs.Inverse())}
	return nil
}

// resolveJoins replaces the specification's "container:NAME" by paths that the
// plan can show; what is joined are the descriptors opened before.
func (l *launch) resolveJoins() {
	for i := range l.spec.Linux.Namespaces {
		ns := &l.spec.Linux.Namespaces[i]
		if f := l.joins[ns.Type]; f != nil && ns.Path != "" {
			ns.Path = f.Name()
		}
	}
}
