package intent

// NotYet holds flags of docker and podman that this version does not have. They are hidden from help and
// accepted by the parser only so that a hand that types them is told plainly; anything else that is
// missing is kong's unknown flag.
type NotYet struct {
	Publish    []string `short:"p" sep:"none" hidden:""`
	PublishAll bool     `short:"P" hidden:""`
	Memory     string   `short:"m" hidden:""`
	CPUs       string   `name:"cpus" hidden:""`
	Restart    string   `hidden:""`
	PidsLimit  *int64   `hidden:""`
}

// check returns an error for each one that was used with a meaning. A value that says "no limit" or "do not"
// is what happens anyway, so it is accepted: distrobox passes --pids-limit=-1.
func (n *NotYet) check() error {
	switch {
	case len(n.Publish) > 0 || n.PublishAll:
		return notYet("-p/--publish", "--network host, which shares every port of this machine")
	case n.Memory != "" && n.Memory != "0" && n.Memory != "-1":
		return notYet("-m/--memory", "systemd-run --user --scope -p MemoryMax="+n.Memory+" coracle run …")
	case n.CPUs != "" && n.CPUs != "0":
		return notYet("--cpus", "systemd-run --user --scope -p CPUQuota=… coracle run …")
	case n.PidsLimit != nil && *n.PidsLimit > 0:
		return notYet("--pids-limit", "--ulimit nproc=N, or systemd-run --user --scope -p TasksMax=N coracle run …")
	case n.Restart != "" && n.Restart != "no":
		return notYet("--restart "+n.Restart, "a systemd user unit with Restart=")
	}
	return nil
}
