package main

// info is what `podman info` and `docker info` tell, in their fields: templates ask
// by the names of Go, podman's JSON has others.
type info struct {
	Host       infoHost       `json:"host"`
	Store      infoStore      `json:"store"`
	Registries map[string]any `json:"registries"`
	Plugins    infoPlugins    `json:"plugins"`
	Version    infoVersion    `json:"version"`
	infoDocker
}

// infoHost is the host.
type infoHost struct {
	Arch               string           `json:"arch"`
	CgroupManager      string           `json:"cgroupManager"`
	CgroupVersion      string           `json:"cgroupVersion"`
	CgroupControllers  []string         `json:"cgroupControllers"`
	CPUs               int              `json:"cpus"`
	Distribution       infoDistribution `json:"distribution"`
	EventLogger        string           `json:"eventLogger"`
	Hostname           string           `json:"hostname"`
	IDMappings         infoIDMappings   `json:"idMappings"`
	Kernel             string           `json:"kernel"`
	Linkmode           string           `json:"linkmode"`
	LogDriver          string           `json:"logDriver"`
	MemFree            int64            `json:"memFree"`
	MemTotal           int64            `json:"memTotal"`
	NetworkBackend     string           `json:"networkBackend"`
	OCIRuntime         infoRuntime      `json:"ociRuntime"`
	OS                 string           `json:"os"`
	RemoteSocket       infoSocket       `json:"remoteSocket"`
	RootlessNetworkCmd string           `json:"rootlessNetworkCmd"`
	RuntimeInfo        map[string]any   `json:"runtimeInfo,omitempty"`
	Security           infoSecurity     `json:"security"`
	ServiceIsRemote    bool             `json:"serviceIsRemote"`
	SwapFree           int64            `json:"swapFree"`
	SwapTotal          int64            `json:"swapTotal"`
	Uptime             string           `json:"uptime"`
	Variant            string           `json:"variant"`
}

// infoDistribution is what /etc/os-release says.
type infoDistribution struct {
	Codename     string `json:"codename,omitempty"`
	Distribution string `json:"distribution"`
	Variant      string `json:"variant,omitempty"`
	Version      string `json:"version"`
}

// infoIDMappings are the ids that containers may have.
type infoIDMappings struct {
	GIDMap []infoIDMap `json:"gidmap"`
	UIDMap []infoIDMap `json:"uidmap"`
}

type infoIDMap struct {
	ContainerID int `json:"container_id"`
	HostID      int `json:"host_id"`
	Size        int `json:"size"`
}

// infoRuntime is what executes containers: this program.
type infoRuntime struct {
	Name    string `json:"name"`
	Package string `json:"package"`
	Path    string `json:"path"`
	Version string `json:"version"`
}

type infoSocket struct {
	Exists bool   `json:"exists"`
	Path   string `json:"path"`
}

type infoSecurity struct {
	AppArmorEnabled     bool   `json:"apparmorEnabled"`
	DefaultCapabilities string `json:"capabilities"`
	Rootless            bool   `json:"rootless"`
	SECCOMPEnabled      bool   `json:"seccompEnabled"`
	SECCOMPProfilePath  string `json:"seccompProfilePath"`
	SELinuxEnabled      bool   `json:"selinuxEnabled"`
}

// infoStore is where images and containers are.
type infoStore struct {
	ConfigFile         string             `json:"configFile"`
	ContainerStore     infoContainerStore `json:"containerStore"`
	ContainerPath      string             `json:"containerPath"`
	GraphDriverName    string             `json:"graphDriverName"`
	GraphOptions       map[string]string  `json:"graphOptions"`
	GraphRoot          string             `json:"graphRoot"`
	GraphRootAllocated uint64             `json:"graphRootAllocated"`
	GraphRootUsed      uint64             `json:"graphRootUsed"`
	GraphStatus        map[string]string  `json:"graphStatus"`
	ImageCopyTmpDir    string             `json:"imageCopyTmpDir"`
	ImageStore         infoImageStore     `json:"imageStore"`
	RunRoot            string             `json:"runRoot"`
	TransientStore     bool               `json:"transientStore"`
	VolumePath         string             `json:"volumePath"`
}

type infoContainerStore struct {
	Number  int `json:"number"`
	Paused  int `json:"paused"`
	Running int `json:"running"`
	Stopped int `json:"stopped"`
}

type infoImageStore struct {
	Number int `json:"number"`
}

type infoPlugins struct {
	Authorization []string `json:"authorization"`
	Log           []string `json:"log"`
	Network       []string `json:"network"`
	Volume        []string `json:"volume"`
}

// infoVersion is podman's.
type infoVersion struct {
	APIVersion string
	Version    string
	GoVersion  string
	GitCommit  string
	BuiltTime  string
	Built      int64
	OsArch     string
	Os         string
}

// infoDocker are the fields of `docker info`.
type infoDocker struct {
	ID                 string
	Name               string
	Containers         int
	ContainersRunning  int
	ContainersPaused   int
	ContainersStopped  int
	Images             int
	Driver             string
	DriverStatus       [][2]string
	DockerRootDir      string
	CgroupDriver       string
	CgroupVersion      string
	LoggingDriver      string
	KernelVersion      string
	OperatingSystem    string
	OSVersion          string
	OSType             string
	Architecture       string
	NCPU               int
	MemTotal           int64
	ServerVersion      string
	DefaultRuntime     string
	InitBinary         string
	IndexServerAddress string
	Runtimes           map[string]any
	SecurityOptions    []string
	Labels             []string
	SystemTime         string
	Warnings           []string
	MemoryLimit        bool
	SwapLimit          bool
	PidsLimit          bool
	CPUShares          bool
	CPUCfsPeriod       bool `json:"CpuCfsPeriod"`
	CPUCfsQuota        bool `json:"CpuCfsQuota"`
	CPUSet             bool
}
