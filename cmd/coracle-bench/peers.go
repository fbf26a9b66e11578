package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"coracle/launcher"
	"coracle/userns"
)

// supervisorName is the argv[0] of coracle's process beside each container.
const supervisorName = launcher.SupervisorName

// floorName is the row of a program that is no container program at all.
const floorName = "no container"

// peer is a program that is measured.
type peer struct {
	name    string
	version []string // arguments that make it print its version
	program string   // absolute path
	// command runs a container; id is one that no other run has.
	command func(id string, argv ...string) []string
	holds   bool // stays while the container runs: see measureMemory
}

// stage is what the programs run on.
type stage struct {
	root    string // of the file system, as a directory
	bundles string // of OCI bundles, named for what they run
	coracle string
}

// plainBundle begins the names of crun's bundles without a seccomp filter. The
// others are named for the command they run.
const plainBundle = "plain-"

// peers are all programs to be compared, whether they are there or not.
func (s stage) peers() []peer {
	crun := func(prefix string) func(string, ...string) []string {
		return func(id string, argv ...string) []string {
			return []string{"--cgroup-manager=disabled", "run", "--bundle", filepath.Join(s.bundles, prefix+argv[0]), "bench-" + id}
		}
	}
	front := func(before ...string) func(string, ...string) []string {
		return func(_ string, argv ...string) []string { return append(before[:len(before):len(before)], argv...) }
	}
	return []peer{
		{name: "coracle", program: s.coracle, version: []string{"version"}, holds: true,
			command: front("run", "--rm", "--network", "none", imageName)},
		{name: "podman", program: "podman", version: []string{"--version"}, holds: true,
			command: front("run", "--rm", "--network=none", imageName)},
		{name: "crun", program: "crun", version: []string{"--version"}, holds: true, command: crun("")},
		{name: "crun unfiltered", program: "crun", version: []string{"--version"}, command: crun(plainBundle)},
		{name: "bwrap", program: "bwrap", version: []string{"--version"}, holds: true,
			command: front("--unshare-all", "--bind", s.root, "/", "--proc", "/proc", "--dev", "/dev")},
		{name: "unshare", program: "unshare", version: []string{"--version"}, holds: true,
			command: front("-Urmpfiun", "--root", s.root, "--mount-proc")},
		{name: floorName, program: "true", version: []string{"--version"}, command: func(string, ...string) []string { return nil }},
	}
}

// only picks peers by name; coracle, the first, always takes part. An empty list
// picks all.
func only(all []peer, list string) []peer {
	if list == "" {
		return all
	}
	names := strings.Split(list, ",")
	picked := []peer{all[0]}
	for _, p := range all[1:] {
		if slices.Contains(names, p.name) {
			picked = append(picked, p)
		}
	}
	return picked
}

// argv is the whole command line of a run.
func (p peer) argv(id string, argv ...string) []string {
	return append([]string{p.program}, p.command(id, argv...)...)
}

// locate finds the program in searchPath.
func (p peer) locate() (peer, error) {
	if filepath.IsAbs(p.program) {
		return p, nil
	}
	for _, dir := range filepath.SplitList(searchPath) {
		if path, err := exec.LookPath(filepath.Join(dir, p.program)); err == nil {
			p.program = path
			return p, nil
		}
	}
	return p, errNotInstalled
}

var errNotInstalled = errors.New("not installed")

// askVersion is the first line that the program prints about itself.
func (p peer) askVersion(w *world) string {
	cmd := exec.Command(p.program, p.version...)
	cmd.Env = w.env()
	out, err := cmd.Output()
	if err != nil {
		return fmt.Sprintf("unknown version (%v)", err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// build makes all that the programs run on, and notes what is to be known of it.
func (s stage) build(layout string, grant userns.Grant) (notes []string, err error) {
	if err := unpackImage(layout, s.root); err != nil {
		return nil, fmt.Errorf("cannot unpack the image: %w", err)
	}
	seccomp, err := defaultProfile(profilePaths(), defaultCaps())
	if errors.Is(err, os.ErrNotExist) {
		notes = append(notes, "crun runs without a seccomp filter: none of "+strings.Join(profilePaths(), ", ")+" is there")
	} else if err != nil {
		return nil, err
	}
	for _, command := range [][]string{trueCommand(), sleepCommand()} {
		b := bundle{root: s.root, command: command, grant: grant, cgroup2: isCgroup2()}
		if err := b.write(filepath.Join(s.bundles, plainBundle+command[0])); err != nil {
			return nil, err
		}
		b.seccomp = seccomp
		if err := b.write(filepath.Join(s.bundles, command[0])); err != nil {
			return nil, err
		}
	}
	return notes, nil
}

func trueCommand() []string  { return []string{"true"} }
func sleepCommand() []string { return []string{"sleep", "600"} }
