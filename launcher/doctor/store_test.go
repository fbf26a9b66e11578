package doctor

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestOverlay(t *testing.T) {
	step := func(name string, n unix.Errno) func(*fake) {
		return func(f *fake) { f.breakStep("overlay", name, n) }
	}
	run(t, []one{
		{"no module", step("mount", unix.ENODEV), "overlay", Fail, "mount: no such device", "modprobe overlay"},
		{"old kernel", step("mount", unix.EPERM), "overlay", Fail, "", "5.11"},
		{"unfit file system", step("mount", unix.EINVAL), "overlay", Fail, "mount: invalid", `graphroot = "/var/tmp/containers-1000"`},
		{"no whiteouts", step("whiteout", unix.EPERM), "overlay", Fail, "whiteout", "graphroot"},
		{"no attributes", step("opaque", unix.EOPNOTSUPP), "overlay", Fail, "opaque", "graphroot"},
		{"no mount namespace", step("mnt", unix.ENOSPC), "overlay", Fail, "", "namespaces first"},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "overlay", Fail, "cannot be tried", "mend"},
		{"directory of others", func(f *fake) { f.scratch = unix.EACCES }, "overlay", Fail, "permission denied", "chown"},
	})
}

func TestStore(t *testing.T) {
	at := func(dir string, fs FileSystem) func(*fake) {
		return func(f *fake) { f.fsType[dir] = fs }
	}
	const big = 50 << 30
	run(t, []one{
		{"to be made", func(f *fake) {}, "store", OK, anaStore + " will be made on ext4", ""},
		{"there", at(anaStore, FileSystem{Type: unix.XFS_SUPER_MAGIC, Free: big}), "store", OK, "is on xfs", ""},
		{"nfs home", at("/home/ana", FileSystem{Type: unix.NFS_SUPER_MAGIC, Free: big}), "store", Warn, "on nfs", "graphroot"},
		{"lustre", at("/home", FileSystem{Type: lustreMagic, Free: big}), "store", Warn, "on lustre", "graphroot"},
		{"magic with the sign bit", at("/home", FileSystem{Type: int64(int32(-0x00ACB2BE)), Free: big}), "store", Warn, "cifs", ""},
		{"overlay", at("/home", FileSystem{Type: unix.OVERLAYFS_SUPER_MAGIC, Free: big}), "store", Warn, "stacked", ""},
		{"unknown", at("/home", FileSystem{Type: 0x1234, Free: big}), "store", OK, "0x1234", ""},
		{"no answer", func(f *fake) { f.fsType = nil }, "store", Warn, "no such file", ""},
		{"low", at("/home", FileSystem{Type: unix.EXT4_SUPER_MAGIC, Free: 1 << 30}), "free space", Warn, "1 GiB", "prune"},
		{"none", at("/home", FileSystem{Type: unix.EXT4_SUPER_MAGIC, Free: 1 << 20}), "free space", Fail, "1 MiB", "make room"},
		{"no answer", func(f *fake) { f.fsType = nil }, "free space", Warn, "no such file", ""},
	})
}

func TestStoreOption(t *testing.T) {
	f := healthy()
	f.fsType["/scratch"] = FileSystem{Type: unix.BTRFS_SUPER_MAGIC, Free: 1 << 40}
	checks := Run(t.Context(), Options{Host: f.host(), Store: "/scratch/images"})
	for _, c := range checks {
		if c.Name == "store" && c.Detail != "/scratch/images will be made on btrfs" {
			t.Errorf("%+v", c)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB",
		5 << 30: "5 GiB", 1<<64 - 1: "16 EiB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
