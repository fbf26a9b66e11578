package doctor

import (
	"encoding/binary"
	"errors"
	"testing"

	"coracle/userns"
)

// vfsCap is a security.capability attribute of the given revision.
func vfsCap(revision, flags, permitted uint32) string {
	data := make([]byte, 20)
	binary.LittleEndian.PutUint32(data, revision<<24|flags)
	binary.LittleEndian.PutUint32(data[4:], permitted)
	if revision == 3 {
		data = append(data, 0, 0, 0, 0)
	}
	return string(data)
}

func withCap(attr string) func(*fake) {
	return func(f *fake) {
		f.stats["/usr/bin/newuidmap"] = File{Mode: 0o755}
		f.xattrs = map[string]string{"/usr/bin/newuidmap security.capability": attr}
	}
}

func small(f *fake) {
	f.grant.UIDs = userns.IDMap{{Size: 1, Outside: ana}, {Inside: 1, Outside: 100000, Size: 1000}}
}

func single(note string) func(*fake) {
	return func(f *fake) {
		f.grant.Single, f.grant.Note = true, note
	}
}

func TestIdentity(t *testing.T) {
	note := `only one id can be mapped; cause: no range for "ana" in /etc/subuid; fix: sudo usermod --add-subuids 1-2 ana`
	run(t, []one{
		{"named", func(f *fake) {}, "user", OK, "ana (uid 1000", ""},
		{"nameless", func(f *fake) { f.grant.User = "1000" }, "user", Warn, "no name", "echo me:x:1000:1000::/home/ana:/bin/sh |"},
		{"lookup failed", func(f *fake) { f.lookup = errors.New("/proc is odd\nfix: mount it") }, "user", Warn, "/proc is odd", ""},
		{"lookup failed", func(f *fake) { f.lookup = errors.New("/proc is odd") }, "sub-ids", Warn, "/proc is odd", ""},
		{"lookup failed", func(f *fake) { f.lookup = errors.New("/proc is odd") }, "id maps", Fail, "/proc is odd", ""},
		{"none", single(note), "sub-ids", Warn, `no range for "ana"`, "sudo usermod --add-subuids 1-2 ana"},
		{"none", single(note), "id maps", Warn, "one id", "sudo usermod --add-subuids 1-2 ana"},
		{"none, no note", single(""), "sub-ids", Warn, "one id", "--add-subuids 231072-296607 --add-subgids 231072-296607 ana"},
		{"few", small, "sub-ids", Warn, "1001 uids and 65537 gids", "--add-subuids 231072-296607"},
		{"some lost", func(f *fake) { f.grant.Note = "5 uids are left out" }, "sub-ids", Warn, "5 uids are left out", ""},
		{"root", func(f *fake) { small(f); f.grant.Source = userns.SourceRoot }, "sub-ids", OK, "1001 uids", ""},
		{"refused", func(f *fake) { f.maps = errors.New("newuidmap: refused\n  fix: do this") }, "id maps", Fail, "newuidmap: refused", "do this"},
	})
}

func TestMappers(t *testing.T) {
	const uidmap = "/usr/bin/newuidmap"
	run(t, []one{
		{"setuid", func(f *fake) {}, "newuidmap", OK, uidmap + ", setuid root", ""},
		{"absent", func(f *fake) { delete(f.stats, uidmap) }, "newuidmap", Fail, "not installed", "sudo apt install uidmap"},
		{"absent on fedora", func(f *fake) {
			delete(f.stats, uidmap)
			f.files["/etc/os-release"] = "NAME=x\nID=\"alma\"\nID_LIKE=\"rhel centos fedora\"\n"
		}, "newuidmap", Fail, "not installed", "sudo dnf install shadow-utils"},
		{"absent elsewhere", func(f *fake) { delete(f.stats, uidmap); delete(f.files, "/etc/os-release") }, "newuidmap", Fail, "", "uidmap (Debian)"},
		{"absent where nobody asks", func(f *fake) { delete(f.stats, uidmap); f.grant = f.grant.AsSingle() }, "newuidmap", Warn, "not installed", ""},
		{"plain", func(f *fake) { f.stats[uidmap] = File{Mode: 0o755} }, "newuidmap", Fail, "neither", "chmod u+s " + uidmap},
		{"setuid of another", func(f *fake) { f.stats[uidmap] = File{Mode: f.stats[uidmap].Mode, UID: 5} }, "newuidmap", Fail, "neither", "chown root"},
		{"capability", withCap(vfsCap(2, 1, 1<<capSetUID)), "newuidmap", OK, "file capability", ""},
		{"capability with rootid", withCap(vfsCap(3, 1, 1<<capSetUID)), "newuidmap", OK, "file capability", ""},
		{"capability not effective", withCap(vfsCap(2, 0, 1<<capSetUID)), "newuidmap", Fail, "neither", ""},
		{"wrong capability", withCap(vfsCap(2, 1, 1<<capSetGID)), "newuidmap", Fail, "neither", ""},
		{"capability of an old revision", withCap(vfsCap(1, 1, 1<<capSetUID)), "newuidmap", Fail, "neither", ""},
		{"nosuid", func(f *fake) { f.fsType[uidmap] = FileSystem{Flags: noSuid} }, "newuidmap", Fail, "nosuid", "remount,suid"},
		{"no_new_privs", func(f *fake) { f.nnp = true }, "newgidmap", Fail, "no_new_privs", "NoNewPrivileges=no"},
		{"root", func(f *fake) { f.nnp, f.grant.Direct = true, true }, "newuidmap", OK, "not needed", ""},
	})
}

func FuzzCapabilityGranted(f *testing.F) {
	f.Add([]byte(vfsCap(2, 1, 128)))
	f.Add([]byte(vfsCap(3, 1, 128)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if capabilityGranted(data, capSetUID) && len(data) != 20 && len(data) != 24 {
			t.Errorf("%d bytes grant a capability", len(data))
		}
	})
}

func FuzzLastSubID(f *testing.F) {
	f.Add("ana:100000:65536\n")
	f.Add("ana:4294967295:4294967295")
	f.Add("::\n-1:-1:-1\n")
	f.Fuzz(func(t *testing.T, text string) {
		if last := lastSubID(text); last > 2*(1<<32) {
			t.Errorf("%q: %d", text, last)
		}
	})
}
