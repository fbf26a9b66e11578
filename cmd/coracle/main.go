// Command coracle launches containers without root and without a daemon.
//
// A file per verb: each parses its flags, calls, and prints. The program is
// also, under other names for itself, what it starts: see package launcher.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"coracle/cmd/internal/verbs"
	"coracle/launcher"
	"coracle/launcher/doctor"
)

// own are the commands that this program knows itself. Only the one that was asked for is made and parsed:
// a grammar of all of them costs a third of a launch.
var own = []ownVerb{
	{"run", "Run a command in a new container.", func() verb { return &RunCmd{} }},
	{"create", "Make a container without starting it.", func() verb { return &CreateCmd{} }},
	{"start", "Start containers that were made before.", func() verb { return &StartCmd{} }},
	{"stop", "Ask containers to stop, and kill them if they do not.", func() verb { return &StopCmd{} }},
	{"restart", "Stop and start containers.", func() verb { return &RestartCmd{} }},
	{"kill", "Send containers a signal.", func() verb { return &KillCmd{} }},
	{"ps", "List containers.", func() verb { return &PsCmd{} }},
	{"attach", "Connect to a container that was started detached.", func() verb { return &AttachCmd{} }},
	{"inspect", "Show everything about containers, images or volumes.", func() verb { return &InspectCmd{} }},
	{"logs", "Print what a container wrote.", func() verb { return &LogsCmd{} }},
	{"wait", "Wait for containers to end, and print their exit statuses.", func() verb { return &WaitCmd{} }},
	{"healthcheck run", "Check the health of a container, and tell it by the exit status.", func() verb { return &HealthcheckRunCmd{} }},
	{"exec", "Run a command in a running container.", func() verb { return &ExecCmd{} }},
	{"rm", "Remove containers.", func() verb { return &RmCmd{} }},
	{"rename", "Give a container another name.", func() verb { return &RenameCmd{} }},
	{"update", "Change the limits and the restart policy of containers.", func() verb { return &UpdateCmd{} }},
	{"top", "List the processes of a container.", func() verb { return &TopCmd{} }},
	{"stats", "Show what containers use, again and again.", func() verb { return &StatsCmd{} }},
	{"pause", "Stop all processes of containers for a while.", func() verb { return &PauseCmd{} }},
	{"unpause", "Let the processes of paused containers go on.", func() verb { return &UnpauseCmd{} }},
	{"ns", "Show the namespaces of containers, beside the host's.", func() verb { return &NsCmd{} }},
	{"ns run", "Run a command in some of a container's namespaces.", func() verb { return &NsRunCmd{} }},
	{"container exists", "Tell by the exit status whether a container is there.", func() verb { return &ContainerExistsCmd{} }},
	{"container prune", "Remove all containers that do not run.", func() verb { return &ContainerPruneCmd{} }},
	{"network create", "Make a network.", func() verb { return &NetworkCreateCmd{} }},
	{"network ls", "List networks.", func() verb { return &NetworkLsCmd{} }},
	{"network inspect", "Show everything about networks.", func() verb { return &NetworkInspectCmd{} }},
	{"network rm", "Remove networks.", func() verb { return &NetworkRmCmd{} }},
	{"network prune", "Remove networks that no container uses.", func() verb { return &NetworkPruneCmd{} }},
	{"network exists", "Tell by the exit status whether a network is there.", func() verb { return &NetworkExistsCmd{} }},
	{"network connect", "Connect a container to a network.", func() verb { return &NetworkConnectCmd{} }},
	{"network disconnect", "Disconnect a container from a network.", func() verb { return &NetworkDisconnectCmd{} }},
	{"quadlet install", "Make systemd services of .container files.", func() verb { return &QuadletInstallCmd{} }},
	{"quadlet print", "Print the systemd service that a .container file stands for.", func() verb { return &QuadletPrintCmd{} }},
	{"quadlet rm", "Remove services that quadlet install made.", func() verb { return &QuadletRmCmd{} }},
	{"generate systemd", "Not here: see quadlet install.", func() verb { return &GenerateSystemdCmd{} }},
	{"unshare", "Run a command, or your shell, as root of the namespace that containers are made in.", func() verb { return &UnshareCmd{} }},
	{"doctor", "Check what this host allows, and say how to mend the rest.", func() verb { return &DoctorCmd{} }},
	{"port add", "Publish a port of a running container.", func() verb { return &PortAddCmd{} }},
	{"port remove", "Take a published port back.", func() verb { return &PortRemoveCmd{} }},
	{"port", "List the published ports of a container.", func() verb { return &PortCmd{} }},
	{"events", "Show what happens to containers, images and volumes.", func() verb { return &EventsCmd{} }},
	{"info", "Show what this host and this program are.", func() verb { return &InfoCmd{} }},
	{"version", "Print the version.", func() verb { return &VersionCmd{} }},
}

// ownVerb is a command that this program knows itself.
type ownVerb struct {
	name string
	help string
	make func() verb
}

// verb is one command line; Run returns the exit status.
type verb interface {
	Run(ctx context.Context) (int, error)
}

func main() { os.Exit(dispatch(os.Args)) }

func dispatch(args []string) int {
	switch args[0] {
	case launcher.SupervisorName:
		return launcher.Supervise(args[1:])
	case launcher.ChildName:
		return launcher.Child()
	case launcher.ShiftName:
		return launcher.Shift()
	case launcher.VolumeName:
		return launcher.Volumes()
	case launcher.SweepName:
		return launcher.Sweep()
	case launcher.UnshareName:
		return launcher.UnsharedMain(args[1:])
	case launcher.SizesName:
		return launcher.SizesMain()
	case launcher.KeeperName:
		return launcher.KeepMain(args[1:])
	case launcher.VisitName:
		return launcher.VisitMain()
	case doctor.ProbeName:
		return doctor.Probe(args[1:])
	}
	if len(args) < 2 {
		usage(os.Stderr)
		return launcher.ExitFailed
	}
	name := args[1]
	switch name {
	case "help":
		if len(args) > 2 {
			return dispatch(append(append([]string{args[0]}, args[2:]...), "--help"))
		}
		usage(os.Stdout)
		return 0
	case "-h", "--help":
		usage(os.Stdout)
		return 0
	case "-v", "--version":
		name = "version"
	}
	if name == "ns" && len(args) > 2 && args[2] == "run" {
		return run("ns run", "Run a command in some of a container's namespaces.", &NsRunCmd{}, args[3:])
	}
	if name == "network" && len(args) > 2 {
		args = slices.Concat(args[:2], []string{networkVerb(args[2])}, args[3:])
	}
	for _, v := range own {
		if v.name == name {
			return run(v.name, v.help, v.make(), args[2:])
		}
		if len(args) > 2 && v.name == name+" "+args[2] {
			return run(v.name, v.help, v.make(), args[3:])
		}
	}
	if v, ok := container(args[1:]); ok {
		return run(v.name, v.help, v.make(), args[3:])
	}
	return store(args[1:])
}

// store hands a storage command to the image engine.
func store(args []string) int {
	v, n, ok := verbs.Find(verbs.Store(), args)
	if ok && (v.Path == "images" || v.Is == "images") {
		if done, err := images(args[n:]); err != nil {
			return report(err)
		} else if done {
			return 0
		}
	}
	group := verbs.Group(verbs.Store(), args[0])
	switch {
	case ok:
		if err := beforeReset(args); err != nil {
			return report(err)
		}
		status, err := launcher.StoreCommand(context.Background(), args)
		if err != nil {
			return fail(status, err)
		}
		return status
	case len(group) > 0 && (len(args) == 1 || args[1] == "--help" || args[1] == "-h"):
		fmt.Printf("  coracle %s COMMAND [FLAGS] [ARGUMENTS]\n\n", args[0])
		if args[0] == "container" {
			containerUsage(os.Stdout)
		}
		listGroup(os.Stdout, group)
		return 0
	case len(group) > 0:
		return report(unknownCommand(args[0], args))
	}
	return nounAlone(args)
}

// nounAlone lists the commands of this program that begin with a noun.
func nounAlone(args []string) int {
	var group []ownVerb
	for _, v := range own {
		if strings.HasPrefix(v.name, args[0]+" ") {
			group = append(group, v)
		}
	}
	switch {
	case len(group) == 0:
		return report(unknownCommand("", args))
	case len(args) > 1 && args[1] != "--help" && args[1] != "-h":
		return report(unknownCommand(args[0], args))
	}
	fmt.Printf("  coracle %s COMMAND [FLAGS] [ARGUMENTS]\n\n", args[0])
	for _, v := range group {
		fmt.Printf("  %-23s %s\n", v.name, v.help)
	}
	return 0
}

// run parses and executes one verb.
func run(name, about string, v verb, args []string) int {
	if len(args) == 1 && args[0] == "--help" {
		return help(name, about, v)
	}
	if err := parse(name, v, args); err != nil {
		if asksHelp(err) {
			return help(name, about, v)
		}
		return report(fmt.Errorf("%w\n  fix: coracle %s --help", err, name))
	}
	status, err := v.Run(context.Background())
	if err != nil {
		if name == "run" || name == "create" {
			err = nearNetwork(err, "none", "host", "slirp")
		}
		return fail(status, nearNetwork(err))
	}
	return status
}

// asksHelp tells that --help is among the flags, or -h where that is no flag of the verb's own.
func asksHelp(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "unknown flag --help") || strings.HasPrefix(text, "unknown flag -h,") || text == "unknown flag -h"
}

// help prints the flags of one verb.
func help(name, about string, v verb) int {
	k, err := parser(name, v, kong.Description(about))
	if err != nil {
		return report(err)
	}
	ctx, err := kong.Trace(k, nil)
	if err == nil {
		err = ctx.PrintUsage(false)
	}
	if err != nil {
		return report(err)
	}
	return 0
}

// report prints an error and returns the program's own exit status.
func report(err error) int { return fail(launcher.ExitFailed, err) }

func fail(status int, err error) int {
	fmt.Fprintln(os.Stderr, "coracle: "+strings.TrimSpace(err.Error()))
	var ce *launcher.CommandError
	if errors.As(err, &ce) {
		return ce.Code
	}
	if status == 0 {
		return launcher.ExitFailed
	}
	return status
}

func usage(f *os.File) {
	fmt.Fprint(f, "coracle launches containers without root and without a daemon.\n\n  coracle COMMAND [FLAGS] [ARGUMENTS]\n\n")
	for _, v := range own {
		fmt.Fprintf(f, "  %-23s %s\n", v.name, v.help)
	}
	list(f, verbs.Store())
	fmt.Fprint(f, "\nThe flags of a command: coracle COMMAND --help\n")
}

// list prints commands, without other names for them.
func list(f *os.File, all []verbs.Verb) {
	for _, v := range all {
		if v.Is == "" {
			fmt.Fprintf(f, "  %-23s %s\n", v.Path, v.Help)
		}
	}
}

// listGroup prints the commands of a group, and what the others are short for.
func listGroup(f *os.File, group []verbs.Verb) {
	for _, v := range group {
		if v.Is != "" {
			v.Help = "The same as " + v.Is + "."
		}
		fmt.Fprintf(f, "  %-23s %s\n", v.Path, v.Help)
	}
}
