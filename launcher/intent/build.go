package intent

import (
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/internal/capability"
	"coracle/slirp/networks"
)

// Input is all that decides a container.
type Input struct {
	Options *Options
	ID      string       // 64 hex digits
	Image   *ImageConfig // nil with --rootfs
	View    View         // the root file system; nil counts as empty
	Maps    Maps
	Host    *HostFacts
}

// File is a small file the launcher makes and mounts over Path, after all mounts of the spec. Its owner is
// the container's root.
type File struct {
	Path     string
	Content  []byte
	Mode     uint32
	ReadOnly bool
}

// Extras is what a launch needs and the OCI spec has no word for.
type Extras struct {
	// Files are generated: /etc/hosts, /etc/hostname, /etc/resolv.conf, /etc/localtime.
	Files []File
	// Join names the containers whose namespaces are shared, by namespace type. The spec's entry has the
	// path "container:ID", which opens nowhere: the launcher replaces it, and forgetting to is an error and
	// not a namespace that is silently new. The /dev/shm of a joined ipc namespace has such a source too.
	Join map[specs.LinuxNamespaceType]string
	// Overlays are the destinations of spec mounts of type overlay (-v SRC:DST:O) that still need upperdir=
	// and workdir= options. Without them the kernel refuses the mount.
	Overlays []string
	// Volumes and Images say more of spec mounts whose source is "volume:NAME" and "image:REF".
	Volumes []VolumeUse
	Images  []ImageMount
	// Chown are the destinations of mounts whose files are to be given to the container's user (option U).
	Chown []string
	// Asked are the destinations of all mounts that somebody asked for, the image included.
	Asked []string
	// From names the container of --volumes-from by the destinations that came from it.
	From map[string]string
	// Seccomp is "" for the default profile, "unconfined", or the absolute path of a JSON profile.
	Seccomp string
	// CgroupWritable says that the container may make cgroups below its own.
	CgroupWritable bool
	// Network is "none", "slirp", "pasta", "slirp4netns", "host", "ns:PATH", "container:ID" or the name of the first user network.
	Network string
	// Attachments are the connections to user networks.
	Attachments []Attachment
	// Slirp is set for slirp.
	Slirp *Slirp
	// Driver is set for pasta and slirp4netns.
	Driver *Driver

	// Entrypoint and Cmd make up the command, as image-spec tells them apart.
	Entrypoint, Cmd []string

	TTY, Interactive bool
	SigProxy         bool
	Init             bool
	KeepGroups       bool // keep the caller's supplementary groups; the spec lists none
	PreserveFDs      int
	LogDriver        string // "": none, or k8s-file for a detached container
	DetachKeys       []byte // nil: none
	StopSignal       int
	StopTimeout      time.Duration // -1: for ever
	Timeout          time.Duration // 0: none
	Labels           map[string]string
	// Health is nil when nothing is checked.
	Health *Health
	// Warnings are one line each, for stderr.
	Warnings []string
}

// builder carries one Build. Its steps run in the order of the table in Build, each from what the ones
// before it decided.
type builder struct {
	Input
	o     *Options
	spec  *specs.Spec
	extra *Extras

	ns   modes
	nets []*networks.Network // of Extras.Attachments
	sec  security
	home string
	// hostname is what gethostname(2) will give inside, "" when that is another container's business.
	hostname string
	dests    map[string]string // destination → flag that asked for it
	user     []specs.Mount     // asked for, before sorting
	layer    OverlayDirs       // of the -v that is being read
	// isSystemd says that systemd is to be the first process.
	isSystemd bool
}

// Build computes the spec and the extras. The root path of the spec is left empty: it is the caller's.
func Build(in Input) (*specs.Spec, *Extras, error) {
	if in.Host == nil {
		in.Host = &HostFacts{LastCap: len(capability.Names) - 1}
	}
	if err := in.Options.Check(); err != nil {
		return nil, nil, err
	}
	o := in.Options
	b := &builder{
		Input: in, o: o,
		spec: &specs.Spec{
			Version: specs.Version,
			Process: &specs.Process{},
			Root:    &specs.Root{Readonly: o.ReadOnly},
			Linux:   &specs.Linux{},
		},
		extra: &Extras{
			TTY: o.TTY, Interactive: o.Interactive, SigProxy: o.SigProxy, Init: o.Init,
			PreserveFDs: int(o.PreserveFDs), LogDriver: o.LogDriver,
			Timeout: time.Duration(o.Timeout) * time.Second,
		},
	}
	for _, step := range []func(*builder) error{
		(*builder).namespaces,
		(*builder).security,
		(*builder).names,
		(*builder).identity,
		(*builder).capabilities,
		(*builder).process,
		(*builder).systemd,
		(*builder).env,
		(*builder).notify,
		(*builder).userMounts,
		(*builder).addSystemdMounts,
		(*builder).devices,
		(*builder).mounts,
		(*builder).files,
		(*builder).masks,
		(*builder).rlimits,
		(*builder).sysctls,
		(*builder).network,
		(*builder).timeOffsets,
		(*builder).limits,
		(*builder).labels,
		(*builder).health,
	} {
		if err := step(b); err != nil {
			return nil, nil, err
		}
	}
	return b.spec, b.extra, nil
}

func (b *builder) warn(s string) { b.extra.Warnings = append(b.extra.Warnings, s) }
