package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"coracle/launcher"
	"coracle/launcher/containers"
)

// ContainerPruneCmd is `coracle container prune`.
type ContainerPruneCmd struct {
	Force  bool     `short:"f" help:"Do not ask."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only what fits: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]."`
}

// Run removes the containers that do not run and prints their ids.
func (c *ContainerPruneCmd) Run(ctx context.Context) (int, error) {
	fits, err := pruneFilter(c.Filter, time.Now())
	if err != nil {
		return launcher.ExitFailed, err
	}
	if !c.Force {
		if yes, err := confirm("WARNING! This command removes all containers that do not run."); err != nil || !yes {
			return status([]error{err})
		}
	}
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	list, err := all.List()
	if err != nil {
		return launcher.ExitFailed, err
	}
	var ids []string
	for _, x := range list {
		if x.Keep && !x.Running && fits(x) {
			ids = append(ids, x.ID)
		}
	}
	// One that was started meanwhile is none of these any more.
	err = launcher.Remove(ctx, launcher.Removal{Names: ids, Ignore: true, Stopped: true}, func(id string) { fmt.Println(id) })
	return status([]error{err})
}

// pruneFilter reads --filter: labels all have to fit.
func pruneFilter(filters []string, now time.Time) (func(*containers.Container) bool, error) {
	var tests []func(*containers.Container) bool
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if !ok || value == "" {
			return nil, fmt.Errorf("invalid --filter %q: KEY=VALUE is wanted", f)
		}
		k, v, exact := strings.Cut(value, "=")
		has := func(c *containers.Container) bool {
			have, ok := c.Intent.Labels[k]
			return ok && (!exact || have == v)
		}
		switch key {
		case "label":
			tests = append(tests, has)
		case "label!":
			tests = append(tests, func(c *containers.Container) bool { return !has(c) })
		case "until":
			until, err := moment("--filter until=", value, now)
			if err != nil {
				return nil, err
			}
			tests = append(tests, func(c *containers.Container) bool { return c.Intent.Created.Before(until) })
		default:
			return nil, fmt.Errorf("invalid --filter %q: until, label and label! are possible", key)
		}
	}
	return func(c *containers.Container) bool {
		for _, t := range tests {
			if !t(c) {
				return false
			}
		}
		return true
	}, nil
}

// confirm asks on standard output and reads the answer from standard input, which
// need not be a terminal: "yes | coracle …" is an answer, too.
func confirm(warning string) (bool, error) {
	fmt.Print(warning + "\nAre you sure you want to continue? [y/N] ")
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 100)).ReadString('\n')
	word := strings.ToLower(strings.TrimSpace(line))
	if word == "" && err != nil {
		fmt.Println()
		return false, errors.New("nobody answered, nothing was removed\n  fix: --force")
	}
	return word == "y" || word == "yes", nil
}
