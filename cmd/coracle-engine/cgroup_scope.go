//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/godbus/dbus/v5"

	"coracle/launcher/cgroup"
)

// systemd's names on the bus: org.freedesktop.systemd1(5).
const (
	systemdName    = "org.freedesktop.systemd1"
	systemdPath    = "/org/freedesktop/systemd1"
	systemdManager = systemdName + ".Manager"
)

// property is one of a unit: "sv".
type property struct {
	Name  string
	Value dbus.Variant
}

// auxiliary is a unit to be made with it, "sa(sv)"; there is none.
type auxiliary struct {
	Name       string
	Properties []property
}

// makeScope asks for a transient scope and waits until it is there.
func makeScope(ctx context.Context, s cgroup.Scope) error {
	conn, err := dbus.Dial("unix:path="+s.Bus, dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("cannot reach systemd at %s: %w", s.Bus, err)
	}
	defer conn.Close()
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err != nil {
		return fmt.Errorf("the bus at %s refuses this user: %w", s.Bus, err)
	}
	if err := conn.Hello(); err != nil {
		return fmt.Errorf("the bus at %s does not answer: %w", s.Bus, err)
	}
	// Before the job, or its end might be missed.
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(systemdName), dbus.WithMatchInterface(systemdManager), dbus.WithMatchMember("JobRemoved")); err != nil {
		return fmt.Errorf("cannot listen to systemd: %w", err)
	}
	signals := make(chan *dbus.Signal, 64)
	conn.Signal(signals)
	manager := conn.Object(systemdName, systemdPath)
	// A manager sends signals only while somebody has asked for them.
	if err := manager.CallWithContext(ctx, systemdManager+".Subscribe", 0).Err; err != nil {
		return fmt.Errorf("cannot listen to systemd: %w", err)
	}
	var job dbus.ObjectPath
	if err := manager.CallWithContext(ctx, systemdManager+".StartTransientUnit", 0, s.Name, "fail", scopeProperties(s), []auxiliary{}).Store(&job); err != nil {
		return fmt.Errorf("systemd refuses the scope %s: %w", s.Name, err)
	}
	return awaitJob(ctx, signals, job, s.Name)
}

func scopeProperties(s cgroup.Scope) []property {
	all := []property{
		{"Description", dbus.MakeVariant(s.Description)},
		{"PIDs", dbus.MakeVariant([]uint32{uint32(s.PID)})},
		{"Delegate", dbus.MakeVariant(true)},
		// A failed one would keep its name from the next start.
		{"CollectMode", dbus.MakeVariant("inactive-or-failed")},
	}
	if s.Slice != "" {
		all = append(all, property{"Slice", dbus.MakeVariant(s.Slice)})
	}
	return all
}

// awaitJob waits for the signal JobRemoved(id, job, unit, result).
func awaitJob(ctx context.Context, signals <-chan *dbus.Signal, job dbus.ObjectPath, unit string) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("systemd did not make the scope %s in time", unit)
		case s, ok := <-signals:
			if !ok {
				return fmt.Errorf("systemd went away while it made the scope %s", unit)
			}
			if s.Name != systemdManager+".JobRemoved" || len(s.Body) < 4 || s.Body[1] != job {
				continue
			}
			if s.Body[3] != "done" {
				return fmt.Errorf("systemd could not make the scope %s: %v\n  see: journalctl --user -u %s", unit, s.Body[3], unit)
			}
			return nil
		}
	}
}
