package doctor

import "context"

// Feature is something of the host that Coracle uses when it is there.
type Feature struct {
	Name string // short, unique, stable
	Need Status // the verdict when it is missing: Fail or Warn
	Cost string // what a user loses without it

	try func(context.Context, *exam) finding
}

// Features lists everything Coracle asks of a host, in the order in which one
// thing depends on another. It is the only such list: a fallback elsewhere
// names its feature by this Name and takes its Cost from here.
func Features() []Feature {
	return []Feature{
		{"kernel", Fail, "nothing runs: mounts are attached by descriptor and checked with calls an older kernel lacks", kernel},
		{"system calls", Fail, "nothing runs: paths in a container cannot be resolved safely", systemCalls},
		{"seccomp", Fail, "the default system call filter cannot be attached, so nothing runs without --security-opt seccomp=unconfined", seccomp},
		{"user", Warn, "newuidmap and newgidmap refuse a user without a name, so only one id can be mapped", user},
		{"sub-ids", Warn, "one id only: every file of an image belongs to you, and programs that change user or group fail", subIDs},
		{"newuidmap", Fail, "nothing runs: ids that were granted and cannot be mapped are an error, not a reason to start with one id", newuidmap},
		{"newgidmap", Fail, "nothing runs: ids that were granted and cannot be mapped are an error, not a reason to start with one id", newgidmap},
		{"namespace limits", Fail, "nothing runs: a container needs one namespace of each kind", limits},
		{"user namespace", Fail, "nothing runs: everything an unprivileged user may do, he may do in a user namespace only", userNamespace},
		{"id maps", Fail, "nothing runs: ids that were granted and cannot be mapped are an error, not a reason to start with one id", idMaps},
		{"namespaces", Fail, "nothing runs with its own namespaces; --pid, --network, --uts, --ipc or --cgroupns host avoids one", namespaces},
		{"time namespace", Warn, "--time-offset is refused", timeNamespace},
		{"proc", Fail, "a container cannot have its own /proc; only --pid host can work", procMount},
		{"overlay", Fail, "no container can have a root file system of its own made from image layers", overlay},
		{"store", Warn, "images unpack slowly or not at all: network file systems refuse files owned by sub-ids", store},
		{"podman", Warn, "images are not shared between podman and coracle, and podman's take several times the space", podman},
		{"root file system", Warn, "every container's files are served slowly, or copied before it starts", rootWay},
		{"keep-id", Warn, "the first container with other ids of its own (--userns keep-id, auto, nomap) waits until the image is copied for them", keepID},
		{"free space", Warn, "pulling an image may fail half way", space},
		{"/dev/net/tun", Warn, "containers have no network unless --network host is given; ports cannot be published", tun},
		{"/dev/fuse", Warn, "no FUSE file systems in containers, and no fuse-overlayfs where overlay cannot be used", fuse},
		{"cgroup", Warn, "limits that need a missing controller (--memory, --cpus, --pids-limit, --cpuset-cpus, --device-read-bps) are refused", cgroups},
		{"runtime directory", Warn, "locks and sockets go to a directory under /tmp, and logind does not remove them at logout", runtimeDir},
		{"systemd", Warn, "no scope for a container: limits are refused, and containers may end when you log out", systemd},
		{"ping", Warn, "ping in containers reaches the gateway and nobody else", ping},
		{"ports", Warn, "ports below this are the system's: publish higher ones", ports},
		{"network drivers", Warn, "--network pasta or slirp4netns is refused", drivers},
	}
}

// finding is what trying a feature showed. An empty status means that it is
// missing, which the feature's Need turns into a verdict.
type finding struct {
	status Status
	detail string
	fix    string
}

func works(detail string) finding      { return finding{status: OK, detail: detail} }
func lacks(detail, fix string) finding { return finding{detail: detail, fix: fix} }
func weak(detail, fix string) finding  { return finding{status: Warn, detail: detail, fix: fix} }
