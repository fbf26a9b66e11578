package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

func (e *exam) name() string {
	if e.grant.User != "" {
		return e.grant.User
	}
	return strconv.Itoa(e.UID)
}

// runtimeDir checks what the XDG base directory specification promises of
// XDG_RUNTIME_DIR: it is the user's own, and nobody else's to look into.
func runtimeDir(_ context.Context, e *exam) finding {
	dir := e.Getenv("XDG_RUNTIME_DIR")
	usual := fmt.Sprintf("/run/user/%d", e.UID)
	switch {
	case dir == "" && e.UID == 0:
		return works("root uses /run")
	case dir == "":
		return lacks("XDG_RUNTIME_DIR is not set", e.getRuntimeDir(usual))
	case !filepath.IsAbs(dir):
		return lacks(fmt.Sprintf("XDG_RUNTIME_DIR is %q, not an absolute path", dir), "export XDG_RUNTIME_DIR="+usual)
	}
	f, err := e.Stat(dir)
	switch {
	case err != nil:
		return lacks(err.Error(), fmt.Sprintf("sudo install -d -m 0700 -o %d -g %d %s", e.UID, e.GID, quote(dir)))
	case !f.Mode.IsDir():
		return lacks(dir+" is not a directory", "export XDG_RUNTIME_DIR="+usual)
	case f.UID != e.UID:
		return lacks(fmt.Sprintf("%s belongs to uid %d, not to uid %d (kept by su or sudo?)", dir, f.UID, e.UID), "export XDG_RUNTIME_DIR="+usual)
	case f.Mode.Perm()&0o077 != 0:
		return lacks(fmt.Sprintf("%s has mode %04o: others may look in", dir, f.Mode.Perm()), "chmod 0700 "+quote(dir))
	}
	return works(dir)
}

// getRuntimeDir is how to come to a runtime directory where there is none.
func (e *exam) getRuntimeDir(usual string) string {
	if f, err := e.Stat(usual); err == nil && f.UID == e.UID {
		return "export XDG_RUNTIME_DIR=" + usual
	}
	if _, err := e.Stat(systemdRuns); err == nil {
		return "log in through systemd-logind (not su or sudo), or: sudo loginctl enable-linger " + quote(e.name())
	}
	return fmt.Sprintf("sudo install -d -m 0700 -o %d -g %d %s && export XDG_RUNTIME_DIR=%s", e.UID, e.GID, usual, usual)
}

// systemdRuns is there when systemd is pid 1: sd_booted(3).
const systemdRuns = "/run/systemd/system"

// systemd looks for a manager that can make a scope: the user's own on the
// session bus, or for root the system's.
func systemd(_ context.Context, e *exam) finding {
	path := "/run/dbus/system_bus_socket"
	if e.UID != 0 {
		path = e.sessionBus()
	}
	if _, err := e.Stat(systemdRuns); err != nil {
		return lacks("does not run this host", "")
	}
	if path == "" {
		return lacks("no address of a user bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set", "sudo loginctl enable-linger "+quote(e.name()))
	}
	if err := e.Connect(path); err != nil {
		return lacks("no user bus: "+err.Error(), e.install("dbus-user-session", "dbus-daemon")+", then: sudo loginctl enable-linger "+quote(e.name()))
	}
	return works("answers at " + path)
}

// sessionBus is the socket of the first unix:path= address of
// DBUS_SESSION_BUS_ADDRESS, else the default of sd-bus.
func (e *exam) sessionBus() string {
	for addr := range strings.SplitSeq(e.Getenv("DBUS_SESSION_BUS_ADDRESS"), ";") {
		if rest, ok := strings.CutPrefix(addr, "unix:path="); ok {
			path, _, _ := strings.Cut(rest, ",")
			return path
		}
	}
	if dir := e.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "bus")
	}
	return ""
}
