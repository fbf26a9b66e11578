package launcher

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/cgroup"
	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/slirp/networks"
	"coracle/userns/tape"
)

// request is what a supervisor needs to know. Descriptors come with it in this
// order: the container's lock, the namespaces to join, a lock on shifted layers,
// descriptors for the command, the init program.
type request struct {
	// Version is the build of the caller's binary.
	Version string
	// Dir is the container's directory, Name its name, Data the directory of all containers.
	Dir, Name, Data string
	// Image is the id of the image, empty with --rootfs.
	Image string
	// ImageName is what was asked for, Labels are the container's: events have them.
	ImageName string
	Labels    map[string]string
	// Mounts are the directories that the plan mounts on.
	Mounts []string
	// Keep leaves the container's directory when it ends.
	Keep bool
	// Exists says that the container was there before: a launch that fails leaves it.
	Exists bool
	// Portable selects the re-executing executor.
	Portable bool
	// Shifted says that a lock on shifted layers comes before the init program.
	Shifted bool
	// Gate says that a pass of storage.Gate comes after that.
	Gate bool
	// Held is how many further locks come next, only to be held.
	Held int
	// Init says that the last descriptor is the init program.
	Init bool
	// Pidfile says that the caller makes the container's pid known.
	Pidfile bool
	// Preserve is how many descriptors for the command come before that.
	Preserve int
	// Detach says that the caller does not stay: output goes to Log.
	Detach bool
	// Follow says that the caller stays all the same, and is sent what goes to Log.
	Follow bool
	// Interactive keeps the standard input of a detached container open.
	Interactive bool
	Log         logConfig
	// Joined are the ids of the containers that Plan.Joins are about.
	Joined []string
	// Restart says when the container is run again.
	Restart intent.RestartPolicy
	// Health is nil when nothing is checked.
	Health *healthRequest
	// Timeout ends the container after a while; 0 never.
	Timeout time.Duration
	// Network are the options of the user-mode network, empty for none; Ports those
	// of the host's that lead into it.
	Network string
	Ports   []string
	// Driver is the helper program that makes the network in the place of slirp: its
	// name, its path, its arguments.
	Driver []string
	// Attachments are the connections to user networks.
	Attachments []intent.Attachment
	// Bridge is the default network where the host has an end of it, or nil.
	Bridge *networks.Network
	// Group is the container's cgroup, GroupOwner that it is given to its root.
	Group      cgroup.Group
	GroupOwner bool
	Plan       plan.Plan
}

var errRequest = errors.New("damaged request")

func (r *request) encode() []byte {
	b := make([]byte, 0, 64<<10)
	for _, s := range []string{r.Version, r.Dir, r.Name, r.Data, r.Image, r.ImageName, r.Log.Driver, r.Log.Path, r.Log.Tag, r.Network, r.Plan.UIDMap, r.Plan.GIDMap} {
		b = putString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Mounts)))
	for _, s := range r.Mounts {
		b = putString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Ports)))
	for _, s := range r.Ports {
		b = putString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Driver)))
	for _, s := range r.Driver {
		b = putString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Labels)))
	for k, v := range r.Labels {
		b = putString(putString(b, k), v)
	}
	for _, f := range []bool{r.Keep, r.Exists, r.Gate, r.Portable, r.Shifted, r.Pidfile, r.Init, r.Detach, r.Follow, r.Interactive, r.Plan.ShareMemory, r.Plan.DenySetgroups, r.GroupOwner} {
		b = append(b, map[bool]byte{true: 1}[f])
	}
	b = binary.AppendUvarint(b, uint64(r.Timeout))
	b = binary.AppendUvarint(b, uint64(r.Log.MaxSize))
	b = binary.AppendUvarint(b, uint64(r.Log.MaxFiles))
	b = binary.AppendUvarint(b, uint64(r.Preserve))
	b = binary.AppendUvarint(b, uint64(r.Held))
	b = binary.AppendUvarint(b, r.Plan.CloneFlags)
	b = binary.AppendUvarint(b, uint64(len(r.Plan.Joins)))
	for _, j := range r.Plan.Joins {
		b = putString(b, string(j.Type))
	}
	b = binary.AppendUvarint(b, uint64(len(r.Joined)))
	for _, id := range r.Joined {
		b = putString(b, id)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Plan.Servers)))
	for _, s := range r.Plan.Servers {
		b = putString(binary.AppendUvarint(b, uint64(s.FD)), s.Dir)
		b = binary.AppendUvarint(b, uint64(len(s.Args)))
		for _, a := range s.Args {
			b = putString(b, a)
		}
	}
	b = putGroup(b, r.Group)
	b = putBridge(putAttachments(r.encodeRestart(b), r.Attachments), r.Bridge)
	return tape.Append(tape.Append(tape.Append(b, r.Plan.Borrow), r.Plan.Host), r.Plan.Child)
}

func putString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (r *request) decode(b []byte) error {
	d := reader{b: b}
	for _, s := range []*string{&r.Version, &r.Dir, &r.Name, &r.Data, &r.Image, &r.ImageName, &r.Log.Driver, &r.Log.Path, &r.Log.Tag, &r.Network, &r.Plan.UIDMap, &r.Plan.GIDMap} {
		*s = d.str()
	}
	for n := d.num(1 << 10); n > 0 && !d.bad; n-- {
		r.Mounts = append(r.Mounts, d.str())
	}
	for n := d.num(1 << 16); n > 0 && !d.bad; n-- {
		r.Ports = append(r.Ports, d.str())
	}
	for n := d.num(1 << 10); n > 0 && !d.bad; n-- {
		r.Driver = append(r.Driver, d.str())
	}
	d.bad = d.bad || len(r.Driver) == 1
	for n := d.num(1 << 16); n > 0 && !d.bad; n-- {
		if r.Labels == nil {
			r.Labels = make(map[string]string)
		}
		k := d.str()
		r.Labels[k] = d.str()
	}
	for _, f := range []*bool{&r.Keep, &r.Exists, &r.Gate, &r.Portable, &r.Shifted, &r.Pidfile, &r.Init, &r.Detach, &r.Follow, &r.Interactive, &r.Plan.ShareMemory, &r.Plan.DenySetgroups, &r.GroupOwner} {
		*f = d.num(1) == 1
	}
	r.Timeout = time.Duration(d.num(1 << 62))
	r.Log.MaxSize = int64(d.num(1 << 62))
	r.Log.MaxFiles = int(d.num(1 << 10))
	r.Preserve = int(d.num(plan.MaxKeep))
	r.Held = int(d.num(maxFDs))
	r.Plan.CloneFlags = d.num(1<<63 - 1)
	for n := d.num(16); n > 0 && !d.bad; n-- {
		r.Plan.Joins = append(r.Plan.Joins, plan.Join{Type: nsType(d.str())})
	}
	for n := d.num(uint64(len(r.Plan.Joins))); n > 0 && !d.bad; n-- {
		r.Joined = append(r.Joined, d.str())
	}
	for n := d.num(1 << 10); n > 0 && !d.bad; n-- {
		server := plan.Server{FD: int(d.num(1 << 20)), Dir: d.str()}
		for n := d.num(16); n > 0 && !d.bad; n-- {
			server.Args = append(server.Args, d.str())
		}
		r.Plan.Servers = append(r.Plan.Servers, server)
		d.bad = d.bad || len(server.Args) == 0
	}
	r.Group = d.group()
	r.decodeRestart(&d)
	r.Attachments = d.attachments()
	r.Bridge = d.bridge()
	if d.bad {
		return errRequest
	}
	for _, ops := range []*[]tape.Op{&r.Plan.Borrow, &r.Plan.Host, &r.Plan.Child} {
		var err error
		if *ops, d.b, err = tape.Decode(d.b); err != nil {
			return fmt.Errorf("%w: %w", errRequest, err)
		}
	}
	if len(d.b) != 0 {
		return errRequest
	}
	return nil
}

// reader reads what encode writes; bad stays set after the first damage.
type reader struct {
	b   []byte
	bad bool
}

func (d *reader) num(most uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if d.bad || n <= 0 || v > most {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *reader) str() string {
	n := d.num(1 << 20)
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// exitStatus is how a shell shows the end of a process: 128 and the signal's
// number when a signal ended it.
func exitStatus(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
