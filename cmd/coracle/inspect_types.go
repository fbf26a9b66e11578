package main

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
	Namespaces      []inspectNamespace `json:",omitempty"`
}

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
	IPAddress   string
	IPPrefixLen int
	Gateway     string
	MacAddress  string
	Bridge      string
	SandboxID   string
	SandboxKey  string
	Ports       map[string][]struct{ HostIP, HostPort string }
	Networks    map[string]any
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
	Timezone     string `json:",omitempty"`
	Umask        string
	ExposedPorts map[string]struct{} `json:",omitempty"`
	// CreateCommand is the command line after the program's name.
	CreateCommand []string
}

type inspectHostConfig struct {
	Binds           []string
	CgroupMode      string
	ContainerIDFile string
	LogConfig       inspectLog
	NetworkMode     string
	PortBindings    map[string]any
	RestartPolicy   inspectRestart
	AutoRemove      bool
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
	Memory          int64
	MemorySwap      int64
	NanoCpus        int64
	CpuPeriod       uint64
	CpuQuota        int64
	CpuShares       uint64
	PidsLimit       int64
	Ulimits         []inspectUlimit
	Init            bool
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

// inspectNamespace is one of the container's namespaces, with --namespaces.
type inspectNamespace struct {
	Type  string
	Inode uint64
	// Host says that it is the one of the caller.
	Host bool
	// Shared are the names of other containers that are in it.
	Shared []string `json:",omitempty"`
}
