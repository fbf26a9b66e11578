package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/term"

	"coracle/launcher"
	"coracle/launcher/doctor"
)

// DoctorCmd is `coracle doctor`: what this host lets a user do, and what to
// type where it falls short.
type DoctorCmd struct {
	JSON bool `name:"json" help:"Print the report as JSON."`
}

// Run examines the host and prints the checks on standard output. The status
// is 1 when something is missing without which nothing runs, which is not the
// 125 of a program that could not do its work.
func (c *DoctorCmd) Run(ctx context.Context) (int, error) {
	checks := doctor.Run(ctx, doctor.Options{})
	if err := c.print(checks); err != nil {
		return launcher.ExitFailed, fmt.Errorf("cannot print the report: %w", err)
	}
	return doctor.Exit(checks), nil
}

func (c *DoctorCmd) print(checks []doctor.Check) error {
	if !c.JSON {
		// https://no-color.org: set and not empty.
		color := os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(os.Stdout.Fd()))
		return doctor.WriteText(os.Stdout, checks, color)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(doctor.NewReport(checks))
}
