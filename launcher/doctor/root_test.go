package doctor

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestRootWay(t *testing.T) {
	refused := func(f *fake) { f.breakStep("native", "native", unix.EINVAL) }
	const data = "/home/ana/.local/share/coracle"
	run(t, []one{
		{"overlay", func(f *fake) {}, "root file system", OK, "kernel's overlay in " + data, ""},
		{"copied", refused, "root file system", Warn, "copied for each container", "apt install fuse-overlayfs"},
		{"served", func(f *fake) { refused(f); f.stats["/usr/bin/fuse-overlayfs"] = File{Mode: 0o755} }, "root file system", Warn, "served by fuse-overlayfs", "XDG_DATA_HOME"},
		{"no device", func(f *fake) {
			refused(f)
			f.stats["/usr/bin/fuse-overlayfs"] = File{Mode: 0o755}
			f.open["/dev/fuse"] = unix.EACCES
		}, "root file system", Warn, "copied for each container", "XDG_DATA_HOME"},
		{"network", func(f *fake) { f.fsType["/home/ana"] = FileSystem{Type: unix.NFS_SUPER_MAGIC, Free: 50 << 30} }, "root file system", Warn, "on nfs", "local"},
		{"not writable", func(f *fake) { f.scratch = unix.EACCES }, "root file system", Warn, "permission denied", "chown"},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "root file system", Warn, "cannot be tried", "mend"},
	})
}

func TestKeepID(t *testing.T) {
	run(t, []one{
		{"referred to", func(f *fake) {}, "keep-id", OK, "without a copy", ""},
		{"copied", func(f *fake) { f.breakStep("redirect", "redirect", unix.EOPNOTSUPP) }, "keep-id", Warn, "layers are copied", "6.16"},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "keep-id", Warn, "cannot be tried", "mend"},
	})
}

// The probes that a launch trusts work on the machine of the tests, or say why.
func TestDataProbes(t *testing.T) {
	for _, name := range []string{"native", "redirect"} {
		steps, err := try(t.Context(), Trial{Name: name, Flags: newUser | newNS, Map: true, Args: []string{t.TempDir()}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(steps) != 1 || steps[0].Name != name || steps[0].Err != 0 && steps[0].Text == "" {
			t.Errorf("%s: %+v", name, steps)
		}
	}
}
