package main

import (
	"net/netip"

	"coracle/launcher"
	"coracle/launcher/cgroup"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
)

// The types are podman's (define.InspectContainerData), which are docker's
// (container.InspectResponse) with more fields; what tools read is there.

type inspected struct {
	ID              string `json:"Id"`
	Created         string
	Path            string
	Args            []string
	State           inspectState
	Image           string
	ImageName       string
	ImageDigest     string
	Rootfs          string
	Pod             string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	OCIConfigPath   string
	OCIRuntime      string
	Name            string
	RestartCount    int
	Driver          string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	EffectiveCaps   []string
	BoundingCaps    []string
	ExecIDs         []string
	Mounts          []inspectMount
	Namespace       string
	IsInfra         bool
	NetworkSettings inspectNetwork
	Config          inspectConfig
	HostConfig      inspectHostConfig
	GraphDriver     inspectDriver
	// SizeRw is what the changes take on disk, SizeRootFs that and the image, with --size.
	SizeRw     *int64 `json:",omitempty"`
	SizeRootFs *int64 `json:",omitempty"`
	// Limits are those asked for and those in force, side by side.
	Limits     []cgroup.Limit       `json:",omitempty"`
	Namespaces []launcher.Namespace `json:",omitempty"`
}

// Id is what JSON calls it; templates ask for either.
func (i *inspected) Id() string { return i.ID } //nolint:revive // docker's spelling

type inspectState struct {
	OciVersion string
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ConmonPid  int // the supervisor
	ExitCode   int
	Error      string
	StartedAt  string
	FinishedAt string
	CgroupPath string
	// Health is docker's name and Healthcheck podman's older one; nil when nothing is checked.
	Health        *containers.Health `json:",omitempty"`
	Healthcheck   *containers.Health `json:",omitempty"`
	StoppedByUser bool
	// There are no checkpoints; podman's clients read these all the same.
	Checkpointed   bool
	CheckpointedAt string
	RestoredAt     string
	Restored       bool
}

type inspectMount struct {
	Type        string
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string
	Mode        string
	Options     []string
	RW          bool
	Propagation string
}

type inspectNetwork struct {
	EndpointID             string
	Gateway                string
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	MacAddress             string
	Bridge                 string
	SandboxID              string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SandboxKey             string
	Ports                  map[string][]inspectPort
	Networks               map[string]*inspectEndpoint
	// Denied is what --egress kept the container from, DeniedOthers how many attempts
	// are not listed.
	Denied       []containers.Attempt `json:",omitempty"`
	DeniedOthers uint64               `json:",omitempty"`
}

// inspectPort is where a port is published.
type inspectPort struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// inspectEndpoint is a container in one network.
type inspectEndpoint struct {
	EndpointID          string
	NetworkID           string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	Aliases             []string
	Links               []string
	DriverOpts          map[string]string
	// DNSNames are the names by which others in the network find it.
	DNSNames []string
	// IPAMConfig is what was asked for.
	IPAMConfig *inspectIPAM
}

// inspectIPAM are addresses that were asked for.
type inspectIPAM struct {
	IPv4Address netip.Addr `json:",omitzero"`
	IPv6Address netip.Addr `json:",omitzero"`
}

// inspectDriver is how the root file system is made.
type inspectDriver struct {
	Name string
	Data map[string]string
}

type inspectConfig struct {
	Hostname     string
	Domainname   string
	User         string
	AttachStdin  bool
	AttachStdout bool
	AttachStderr bool
	Tty          bool
	OpenStdin    bool
	StdinOnce    bool
	Env          []string
	Cmd          []string
	Image        string
	Volumes      map[string]struct{}
	WorkingDir   string
	Entrypoint   []string
	Labels       map[string]string
	Annotations  map[string]string
	StopSignal   string
	StopTimeout  int
	Healthcheck  *intent.Healthcheck `json:",omitempty"`
	// The next are podman's.
	StartupHealthCheck         *intent.Healthcheck `json:",omitempty"`
	HealthcheckOnFailureAction string              `json:",omitempty"`
	HealthLogDestination       string
	HealthMaxLogCount          int    `json:"HealthcheckMaxLogCount"`
	HealthMaxLogSize           int    `json:"HealthcheckMaxLogSize"`
	Timezone                   string `json:",omitempty"`
	Umask                      string
	ExposedPorts               map[string]struct{} `json:",omitempty"`
	// CreateCommand is the command line that made the container.
	CreateCommand []string
}

type inspectHostConfig struct {
	Binds           []string
	CgroupMode      string
	ContainerIDFile string
	LogConfig       inspectLog
	NetworkMode     string
	PortBindings    map[string][]inspectPort
	RestartPolicy   inspectRestart
	AutoRemove      bool
	AutoRemoveImage bool
	Annotations     map[string]string
	VolumeDriver    string
	VolumesFrom     []string
	Devices         []inspectPath
	Links           []string
	Isolation       string
	Cgroup          string
	CgroupManager   string
	CgroupnsMode    string
	ConsoleSize     [2]uint
	MaskedPaths     []string
	ReadonlyPaths   []string
	CapAdd          []string
	CapDrop         []string
	Dns             []string //nolint:revive // docker's spelling
	DnsOptions      []string //nolint:revive
	DnsSearch       []string //nolint:revive
	ExtraHosts      []string
	GroupAdd        []string
	IpcMode         string
	PidMode         string
	UTSMode         string
	UsernsMode      string
	IDMappings      inspectMaps
	OomScoreAdj     int
	Privileged      bool
	PublishAllPorts bool
	ReadonlyRootfs  bool
	SecurityOpt     []string
	Tmpfs           map[string]string
	ShmSize         int64
	Runtime         string
	Ulimits         []inspectUlimit
	Init            bool
	Egress          []string `json:",omitempty"`
	inspectResources
}

// inspectPath is a device that was asked for.
type inspectPath struct {
	PathOnHost, PathInContainer, CgroupPermissions string
}

type inspectLog struct {
	Type   string
	Config map[string]string
	Path   string
	Size   string
	Tag    string
}

type inspectRestart struct {
	Name              string
	MaximumRetryCount int
}

type inspectMaps struct{ UidMap, GidMap []string } //nolint:revive // podman's spelling

type inspectUlimit struct {
	Name       string
	Soft, Hard int64
}
