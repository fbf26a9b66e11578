package intent

import "slices"

// Options is what was asked on the command line of `run` (and, later, `create`), unparsed: values are
// checked by [Options.Check] and [Build], so a program may fill it in without a command line.
//
// How the tags work (kong v1.17):
//
//   - Argv is ONE positional with passthrough:"partial": the first word that is not a flag ends flag
//     parsing, as in docker, so `run -it debian ls -l` gives -l to ls, and `run curl -v URL` does not read
//     -v as a volume. With two positionals (image, command) kong would still parse flags between them.
//     "partial", not "all": an unknown flag before the image must be an error and not become the image.
//   - kong leaves a "--" in Argv. In front of the image it only ends the flags and [Options.Image] skips it;
//     after the image it belongs to the command, as in docker.
//   - sep:"none" keeps commas inside a value; a repeated flag appends.
//   - *string tells `--entrypoint ""` (reset) from not given.
//   - The parser needs kong.WithHyphenPrefixedParameters(true), for `--oom-score-adj -5` and
//     `--stop-timeout -1`, and a help flag without the short -h, which is --hostname here as in docker. With
//     it kong reads a string flag at the very end of the line, its value missing, as the empty string.
type Options struct {
	Argv []string `arg:"" optional:"" passthrough:"partial" name:"image [command…]" help:"Image and the command to run in it."`

	Name        string   `help:"Name of the container." placeholder:"NAME"`
	Replace     bool     `help:"Remove a container of the same name first."`
	Rm          bool     `help:"Remove the container when it exits."`
	Label       []string `short:"l" sep:"none" placeholder:"KEY=VALUE" help:"Set a label."`
	LabelFile   []string `sep:"none" placeholder:"FILE" help:"Read labels from a file, one KEY=VALUE a line."`
	Annotation  []string `sep:"none" placeholder:"KEY=VALUE" help:"Set an annotation of the runtime spec."`
	Cidfile     string   `name:"cidfile" placeholder:"FILE" help:"Write the container id to a file."`
	Pidfile     string   `name:"pidfile" placeholder:"FILE" help:"Write the container's first process id to a file."`
	Explain     bool     `help:"Print the launch plan, one operation a line, and touch nothing."`
	Quiet       bool     `short:"q" help:"No progress output."`
	Pull        string   `placeholder:"always|missing|never|newer" help:"When to pull the image."`
	Platform    string   `placeholder:"OS/ARCH[/VARIANT]" help:"Platform of the image."`
	Arch        string   `placeholder:"ARCH" help:"Architecture of the image."`
	OS          string   `name:"os" placeholder:"OS" help:"Operating system of the image."`
	Rootfs      bool     `help:"The argument is a root directory DIR[:O], not an image; :O leaves DIR untouched."`
	Detach      bool     `short:"d" help:"Do not wait for the container; print its id."`
	Interactive bool     `short:"i" help:"Keep stdin open."`
	TTY         bool     `name:"tty" short:"t" help:"Allocate a terminal."`
	SigProxy    bool     `default:"true" negatable:"" help:"Pass signals on to the container's process."`
	DetachKeys  *string  `placeholder:"KEYS" help:"Keys that detach, \"\" for none."`
	PreserveFDs uint     `name:"preserve-fds" placeholder:"N" help:"Pass N more descriptors, from 3 on."`
	LogDriver   string   `placeholder:"k8s-file|json-file|journald|none|passthrough" help:"Keep the output: a detached container's goes to a k8s-file anyway."`
	LogOpt      []string `sep:"none" placeholder:"max-size=SIZE|max-file=N|path=FILE|tag=TEXT" help:"Limit the log, put it elsewhere, mark its entries."`
	Timeout     uint     `placeholder:"SECONDS" help:"Kill the container after this long."`
	StopSignal  string   `placeholder:"SIGNAL" help:"Signal that asks the container to stop."`
	StopTimeout *int     `placeholder:"SECONDS" help:"Time to stop before it is killed, -1 for ever."`
	Init        bool     `help:"Run an init that reaps processes and forwards signals."`
	InitPath    string   `hidden:""`
	Systemd     string   `placeholder:"true|false|always" help:"Make it fit for systemd as process 1: if the command is systemd or init (true), or always."`

	Entrypoint  *string  `placeholder:"PROGRAM" help:"Replace the image's entrypoint; \"\" resets it; a JSON array is accepted."`
	Env         []string `short:"e" sep:"none" placeholder:"NAME[=VALUE]" help:"Set a variable; NAME or NAME* takes it from the host."`
	EnvFile     []string `sep:"none" placeholder:"FILE" help:"Read variables from a file."`
	EnvHost     bool     `help:"Pass the whole environment of the caller."`
	Unsetenv    []string `name:"unsetenv" sep:"none" placeholder:"NAME" help:"Drop a variable of the image or the defaults."`
	UnsetenvAll bool     `name:"unsetenv-all" help:"Drop all variables of the image and the defaults."`
	// podman passes the host's proxy variables unless told not to. Here the environment comes from the host
	// only when it is named, so this is off unless it is asked for.
	HTTPProxy bool     `name:"http-proxy" default:"false" negatable:"" help:"Pass the caller's proxy variables."`
	Workdir   string   `short:"w" placeholder:"DIR" help:"Working directory, created if missing."`
	User      string   `short:"u" placeholder:"USER[:GROUP]" help:"User to run as, by name or id."`
	GroupAdd  []string `sep:"none" placeholder:"GROUP|keep-groups" help:"Additional group."`
	Umask     string   `placeholder:"OCTAL" help:"File mode creation mask (0022)."`
	TZ        string   `name:"tz" placeholder:"ZONE|local" help:"Time zone."`

	Volume        []string `short:"v" sep:"none" placeholder:"[SRC:]DST[:OPTS]" help:"Bind a host directory or file, or mount a volume."`
	VolumesFrom   []string `sep:"none" placeholder:"CONTAINER[:ro]" help:"Mount what another container has mounted."`
	VolumeDriver  string   `placeholder:"local" help:"Driver of new volumes; local is the only one."`
	ImageVolume   string   `placeholder:"anonymous|tmpfs|ignore" help:"What becomes of the volumes that the image asks for."`
	Mount         []string `sep:"none" placeholder:"type=TYPE,…" help:"Attach a mount."`
	Tmpfs         []string `sep:"none" placeholder:"DST[:OPTS]" help:"Mount a tmpfs."`
	ReadOnly      bool     `help:"Make the root file system read-only."`
	ReadOnlyTmpfs bool     `default:"true" negatable:"" help:"With --read-only, writable tmpfs on /run, /tmp and /var/tmp."`
	Device        []string `sep:"none" placeholder:"HOST[:CTR[:rwm]]" help:"Pass a device or a directory of devices."`
	ShmSize       string   `placeholder:"SIZE" help:"Size of /dev/shm (64m)."`

	Hostname   string   `short:"h" placeholder:"NAME" help:"Host name."`
	Domainname string   `placeholder:"NAME" help:"NIS domain name."`
	AddHost    []string `sep:"none" placeholder:"NAME[;NAME]:IP" help:"Add a line to /etc/hosts."`
	DNS        []string `name:"dns" sep:"none" placeholder:"IP|none" help:"Name server."`
	DNSSearch  []string `name:"dns-search" sep:"none" placeholder:"DOMAIN" help:"DNS search domain, . for none."`
	DNSOption  []string `name:"dns-option" aliases:"dns-opt" sep:"none" placeholder:"OPTION" help:"DNS option."`
	HostsFile  string   `name:"hosts-file" placeholder:"FILE|none|image" help:"Entries that /etc/hosts begins with."`
	NoHosts    bool     `help:"Leave the image's /etc/hosts."`
	NoHostname bool     `help:"Leave the image's /etc/hostname."`

	Network    []string `aliases:"net" sep:"none" placeholder:"NAME[:OPTS]|slirp[:OPTS]|none|host|container:ID" help:"Network; user networks can be given several times."`
	Userns     string   `placeholder:"MODE" help:"User namespace: host, keep-id[:uid=,gid=], auto, nomap, container:ID."`
	UIDMap     []string `name:"uidmap" sep:"none" placeholder:"CTR:HOST[:N]" help:"Explicit map of user ids."`
	GIDMap     []string `name:"gidmap" sep:"none" placeholder:"CTR:HOST[:N]" help:"Explicit map of group ids."`
	SubUIDName string   `name:"subuidname" placeholder:"NAME" help:"Take user ids from this name's ranges."`
	SubGIDName string   `name:"subgidname" placeholder:"NAME" help:"Take group ids from this name's ranges."`
	PID        string   `name:"pid" placeholder:"private|host|container:ID" help:"PID namespace."`
	IPC        string   `name:"ipc" placeholder:"private|none|host|container:ID" help:"IPC namespace."`
	UTS        string   `name:"uts" placeholder:"private|host|container:ID" help:"UTS namespace."`
	Cgroupns   string   `name:"cgroupns" placeholder:"private|host|container:ID" help:"Cgroup namespace."`
	TimeOffset []string `sep:"none" placeholder:"CLOCK=OFFSET" help:"Time namespace: boottime=… and monotonic=…, seconds or 1h30m."`

	CapAdd      []string `sep:"none" placeholder:"CAP" help:"Add a capability."`
	CapDrop     []string `sep:"none" placeholder:"CAP" help:"Drop a capability."`
	SecurityOpt []string `sep:"none" placeholder:"OPT" help:"seccomp=, no-new-privileges, mask=, unmask=, …"`
	Privileged  bool     `help:"All of the user's own power, no more."`
	Ulimit      []string `sep:"none" placeholder:"NAME=SOFT[:HARD]|host" help:"Resource limit."`
	Sysctl      []string `sep:"none" placeholder:"NAME=VALUE" help:"Namespaced kernel parameter."`
	OOMScoreAdj *int     `name:"oom-score-adj" placeholder:"N" help:"-1000 to 1000."`

	Limits       `embed:""`
	Group        `embed:""`
	RestartFlags `embed:""`
	NotifyFlags  `embed:""`
	HealthFlags  `embed:""`
	Fetch        `embed:""`
	NetworkFlags `embed:""`
	AttachFlags  `embed:""`
}

// Defaults gives Options as kong would for an empty command line, for callers that have none.
func Defaults() Options { return Options{SigProxy: true, ReadOnlyTmpfs: true} }

func (o *Options) positional() []string {
	if len(o.Argv) > 0 && o.Argv[0] == "--" {
		return o.Argv[1:]
	}
	return o.Argv
}

// Image gives the image reference, or with --rootfs the directory; "" when none was given.
func (o *Options) Image() string {
	if args := o.positional(); len(args) > 0 {
		return args[0]
	}
	return ""
}

// Command gives what follows the image, nil when nothing does. It is a copy.
func (o *Options) Command() []string {
	if args := o.positional(); len(args) > 1 {
		return slices.Clone(args[1:])
	}
	return nil
}
