package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"coracle/launcher"
)

// LogsCmd is `coracle logs`.
type LogsCmd struct {
	Name       string `arg:"" optional:"" name:"container" help:"Name or id."`
	Follow     bool   `short:"f" help:"Go on with what is added, until the container ends."`
	Since      string `placeholder:"TIME|DURATION" help:"From this time on: 2026-01-02T15:04:05Z, or 10m for ten minutes ago."`
	Until      string `placeholder:"TIME|DURATION" help:"Up to this time."`
	Tail       string `short:"n" default:"all" placeholder:"N" help:"Only the last N lines."`
	Timestamps bool   `short:"t" help:"Print the time of each line."`
	Latest     bool   `short:"l" help:"The container made last."`
}

// Run prints the log: what went to standard error goes there.
func (c *LogsCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	name, err := chosenOne(all, c.Name, c.Latest)
	if err != nil {
		return launcher.ExitFailed, err
	}
	l := launcher.Logs{Follow: c.Follow, Tail: -1, Timestamps: c.Timestamps, Out: os.Stdout, Err: os.Stderr}
	l.Note = func(text string) { fmt.Fprintln(os.Stderr, "coracle: "+text) }
	now := time.Now()
	if l.Since, err = moment("--since", c.Since, now); err != nil {
		return launcher.ExitFailed, err
	}
	if l.Until, err = moment("--until", c.Until, now); err != nil {
		return launcher.ExitFailed, err
	}
	if c.Tail != "all" && c.Tail != "-1" {
		if l.Tail, err = strconv.Atoi(c.Tail); err != nil || l.Tail < 0 {
			return launcher.ExitFailed, fmt.Errorf("invalid --tail %q: a number or all is wanted", c.Tail)
		}
	}
	return status([]error{all.Logs(ctx, name, l)})
}

// moment reads a point in time as docker and podman take it: a date with or
// without time and zone, seconds since 1970, or a duration before now. Nothing
// is the zero time.
func moment(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02Z07:00", "2006-01-02",
	} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f >= 0 && f < 1<<40 {
		return time.Unix(0, int64(f*1e9)), nil
	}
	return time.Time{}, errors.New("invalid " + flag + " " + strconv.Quote(s) + ": a time like 2026-01-02T15:04:05Z, seconds since 1970, or a duration like 10m is wanted")
}
