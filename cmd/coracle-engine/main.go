//go:build containers_image_openpgp

// Command coracle-engine is the half of coracle that knows image stores: it
// finds, pulls and imports images for a launch, and executes the storage
// commands (images, pull, cp, …). It is not for people to start: coracle carries
// it and runs it in the user's base user namespace.
//
// A file per command: each parses its flags, calls, and prints.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/sirupsen/logrus"

	"coracle/cmd/internal/text"
	"coracle/cmd/internal/verbs"
	"coracle/launcher/cgroup"
	"coracle/storage/engine"
	"coracle/storage/record"
)

// sessionFD is where the session comes from.
const sessionFD = 3

// exitInterrupted is a shell's status for a command that Ctrl-C ended.
const exitInterrupted = 130

// exitFailed is docker's and podman's status for a failure of their own.
const exitFailed = 125

// command is a parsed command line.
type command interface {
	Run(ctx context.Context, s *session) error
}

// errStatus is an error that ends the program with another status than
// [exitFailed]; without text nothing is printed.
type errStatus struct {
	code int
	text string
}

func (e errStatus) Error() string { return e.text }

func main() {
	if engine.Helper() {
		return
	}
	if len(os.Args) == 2 && (os.Args[1] == "resolve" || os.Args[1] == "list") {
		os.Exit(engine.Main())
	}
	if len(os.Args) == 2 && os.Args[1] == cgroup.EngineVerb {
		os.Exit(cgroupMain())
	}
	os.Exit(dispatch(os.Args[1:]))
}

// commands makes the command of each path in package verbs.
func commands() map[string]func() command {
	all := make(map[string]func() command)
	for _, group := range []map[string]func() command{
		pullCommands(), transferCommands(), imageCommands(), containerCommands(), volumeCommands(), systemCommands(),
	} {
		for path, make := range group {
			all[path] = make
		}
	}
	return all
}

func dispatch(args []string) int {
	logrus.SetOutput(io.Discard) // what matters comes back as an error
	v, n, ok := verbs.Find(verbs.Store(), args)
	if !ok {
		return report(fmt.Errorf("coracle-engine has no command %q", args))
	}
	path := v.Path
	if v.Is != "" {
		path = v.Is
	}
	make, ok := commands()[path]
	if !ok {
		return report(fmt.Errorf("coracle %s is not there yet", path))
	}
	c := make()
	k, err := kong.New(c, kong.Name("coracle "+v.Path), kong.Description(about(path)), kong.NoDefaultHelp(), kong.WithHyphenPrefixedParameters(true))
	if err != nil {
		return report(err)
	}
	if rest := args[n:]; slices.Contains(rest, "--help") || len(rest) == 1 && rest[0] == "-h" {
		return help(k)
	}
	if _, err := k.Parse(longBools(k, args[n:])); err != nil {
		return report(fmt.Errorf("%w\n  fix: coracle %s --help", err, v.Path))
	}
	return execute(c)
}

func execute(c command) int {
	syscall.CloseOnExec(sessionFD)
	in := os.NewFile(sessionFD, "session")
	told, err := record.ReadSession(in)
	if err != nil {
		return report(fmt.Errorf("%w: this program is started by coracle, not by hand", err))
	}
	in.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s := &session{Session: told}
	defer s.close()
	status := report(c.Run(ctx, s))
	if status != 0 && ctx.Err() != nil {
		return exitInterrupted
	}
	return status
}

func about(path string) string {
	for _, v := range verbs.Store() {
		if v.Path == path {
			return v.Help
		}
	}
	return ""
}

func help(k *kong.Kong) int {
	ctx, err := kong.Trace(k, nil)
	if err == nil {
		err = ctx.PrintUsage(false)
	}
	return report(err)
}

// report prints an error, if there is one, and returns the exit status.
func report(err error) int {
	if err == nil {
		return 0
	}
	if what := strings.TrimSpace(err.Error()); what != "" {
		if errors.Is(err, syscall.ENOSPC) && !strings.Contains(what, "\n  fix: ") {
			what += "\n  fix: coracle system prune, or coracle rmi what you do not need"
		}
		fmt.Fprintln(os.Stderr, "coracle: "+text.Printable(what))
	}
	var status errStatus
	if errors.As(err, &status) {
		return status.code
	}
	return exitFailed
}
