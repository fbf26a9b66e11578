package doctor

import (
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDevices(t *testing.T) {
	open := func(path string, err error) func(*fake) { return func(f *fake) { f.open[path] = err } }
	run(t, []one{
		{"absent", func(f *fake) { delete(f.open, "/dev/net/tun") }, "/dev/net/tun", Warn, "not there", "modprobe tun"},
		{"no driver", open("/dev/net/tun", unix.ENODEV), "/dev/net/tun", Warn, "no driver", "modprobe tun"},
		{"forbidden", open("/dev/net/tun", unix.EACCES), "/dev/net/tun", Warn, "may not", "chmod 0666"},
		{"odd", open("/dev/net/tun", unix.EIO), "/dev/net/tun", Warn, "input/output", ""},
		{"no interface", func(f *fake) { f.breakStep("unshare", "tun", unix.EPERM) }, "/dev/net/tun", Warn, "no interface", ""},
		{"absent", func(f *fake) { delete(f.open, "/dev/fuse") }, "/dev/fuse", Warn, "not there", "modprobe fuse"},
		{"forbidden", open("/dev/fuse", unix.EPERM), "/dev/fuse", Warn, "may not", "chmod 0666"},
		{"odd", open("/dev/fuse", unix.EIO), "/dev/fuse", Warn, "input/output", ""},
	})
}

func TestRuntimeDir(t *testing.T) {
	dir := func(file File) func(*fake) { return func(f *fake) { f.stats[anaRun] = file } }
	unset := func(f *fake) { delete(f.env, "XDG_RUNTIME_DIR") }
	run(t, []one{
		{"unset but there", unset, "runtime directory", Warn, "not set", "export XDG_RUNTIME_DIR=/run/user/1000"},
		{"no session", func(f *fake) { unset(f); delete(f.stats, anaRun) }, "runtime directory", Warn, "not set", "enable-linger ana"},
		{"no systemd", func(f *fake) { unset(f); delete(f.stats, anaRun); delete(f.stats, systemdRuns) }, "runtime directory", Warn, "not set", "sudo install -d -m 0700 -o 1000"},
		{"root", func(f *fake) { unset(f); f.uid = 0 }, "runtime directory", OK, "/run", ""},
		{"relative", func(f *fake) { f.env["XDG_RUNTIME_DIR"] = "run" }, "runtime directory", Warn, "absolute", ""},
		{"gone", func(f *fake) { delete(f.stats, anaRun) }, "runtime directory", Warn, "no such file", "install -d -m 0700"},
		{"a file", dir(File{Mode: 0o600, UID: ana}), "runtime directory", Warn, "not a directory", ""},
		{"of another", dir(File{Mode: 0o700 | fs.ModeDir}), "runtime directory", Warn, "belongs to uid 0", "export"},
		{"open to others", dir(File{Mode: 0o755 | fs.ModeDir, UID: ana}), "runtime directory", Warn, "mode 0755", "chmod 0700"},
	})
}

func TestSystemd(t *testing.T) {
	run(t, []one{
		{"default bus", func(f *fake) {}, "systemd", OK, anaRun + "/bus", ""},
		{"named bus", func(f *fake) { f.env["DBUS_SESSION_BUS_ADDRESS"] = "tcp:host=x;unix:path=/tmp/b,guid=1" }, "systemd", OK, "at /tmp/b", ""},
		{"root", func(f *fake) { f.uid = 0 }, "systemd", OK, "system_bus_socket", ""},
		{"another init", func(f *fake) { delete(f.stats, systemdRuns) }, "systemd", Warn, "does not run", ""},
		{"no bus", func(f *fake) { f.connect = unix.ECONNREFUSED }, "systemd", Warn, "refused", "dbus-user-session"},
		{"no address", func(f *fake) { f.env = nil }, "systemd", Warn, "no address", "linger"},
	})
}
