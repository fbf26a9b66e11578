package main

import (
	"context"
	"errors"
	"strconv"

	"coracle/launcher"
	"coracle/launcher/events"
	"coracle/launcher/intent"
)

// KillCmd is `coracle kill`.
type KillCmd struct {
	selection
	Signal string `short:"s" default:"KILL" help:"Signal to send."`
}

// Run sends the signal.
func (c *KillCmd) Run(ctx context.Context) (int, error) {
	sig, err := intent.Signal("--signal", c.Signal)
	if err != nil {
		return launcher.ExitFailed, err
	}
	return c.each(ctx, func(all *launcher.Containers, name string) error {
		x, err := all.Running(name)
		if errors.Is(err, launcher.ErrRestarting) {
			if ok, eerr := all.EndRestarts(x, sig); ok {
				return eerr
			}
		}
		if err == nil {
			err = all.Signal(x, sig)
		}
		if err == nil {
			all.Event(x, events.Kill, map[string]string{"signal": strconv.Itoa(int(sig))})
		}
		if c.All && errors.Is(err, launcher.ErrNotRunning) {
			return nil
		}
		return err
	})
}
