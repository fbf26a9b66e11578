package main

import (
	"context"
	"errors"

	"coracle/launcher"
	"coracle/launcher/containers"
)

// NsRunCmd is `coracle ns run`.
type NsRunCmd struct {
	Target string   `arg:"" name:"container|pid" help:"A container, or a process of yours."`
	Argv   []string `arg:"" optional:"" passthrough:"partial" name:"command…" help:"Command to run."`

	Net    bool `short:"n" help:"Enter its network."`
	Mnt    bool `short:"m" aliases:"mount" help:"Enter its file systems: the command is the container's."`
	Pid    bool `short:"p" help:"Enter its pids."`
	IPC    bool `name:"ipc" help:"Enter its System V IPC and message queues."`
	UTS    bool `name:"uts" help:"Have its host name."`
	User   bool `short:"U" help:"Enter its user namespace: have its ids."`
	Cgroup bool `short:"C" help:"Enter its cgroup namespace."`
	Time   bool `short:"T" help:"Have its boot time."`
	All    bool `short:"a" help:"Enter all of them."`

	Setuid      int      `short:"S" default:"-1" placeholder:"UID" help:"Id to run as, in the user namespace; 0."`
	Setgid      int      `short:"G" default:"-1" placeholder:"GID" help:"Group to run as; the same as the uid."`
	Workdir     string   `short:"w" placeholder:"DIR" help:"Working directory."`
	Env         []string `short:"e" sep:"none" placeholder:"NAME[=VALUE]" help:"Set a variable. With --mnt none is the host's."`
	Interactive bool     `short:"i" help:"Give it standard input."`
	TTY         bool     `name:"tty" short:"t" help:"Give it a terminal."`
	Explain     bool     `help:"Print the operations, and do nothing."`
}

// Run runs the command in the namespaces chosen and returns its exit status.
func (c *NsRunCmd) Run(ctx context.Context) (int, error) {
	argv := c.Argv
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	if len(argv) == 0 {
		return launcher.ExitFailed, errors.New("no command given\n  fix: coracle ns run CONTAINER --net COMMAND")
	}
	asked := map[string]bool{"net": c.Net, "mnt": c.Mnt, "pid": c.Pid, "ipc": c.IPC, "uts": c.UTS, "user": c.User, "cgroup": c.Cgroup, "time": c.Time}
	var types []string
	for _, kind := range containers.NamespaceTypes() {
		if c.All || asked[kind] {
			types = append(types, kind)
		}
	}
	return launcher.Visit{
		Target: c.Target, Types: types, Command: argv, UID: c.Setuid, GID: c.Setgid, Workdir: c.Workdir, Env: c.Env,
		Interactive: c.Interactive, TTY: c.TTY, Explain: c.Explain,
	}.Run(ctx)
}
