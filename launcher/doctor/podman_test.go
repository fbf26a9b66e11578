package doctor

import (
	"strings"
	"testing"
)

func TestPodman(t *testing.T) {
	const conf = "/home/ana/.config/containers/storage.conf"
	with := func(version string, files ...string) func(*fake) {
		return func(f *fake) {
			f.stats["/usr/bin/podman"] = File{Mode: 0o755}
			f.podman = version
			for i := 0; i < len(files); i += 2 {
				f.files[files[i]] = files[i+1]
			}
		}
	}
	run(t, []one{
		{"none", func(*fake) {}, "podman", OK, "is not installed", ""},
		{"Debian 12", with("4.3.1"), "podman", Warn, "4.3.1 takes the vfs driver", "mkdir -p /home/ana/.config/containers && printf '[storage]\\ndriver = \"overlay\"\\n' >" + conf},
		{"no answer", with(""), "podman", Warn, "of an unknown version takes the vfs", conf},
		{"new", with("5.4.2"), "podman", OK, "version 5.4.2 takes overlay", ""},
		{"told", with("4.3.1", conf, "[storage]\ndriver = \"overlay\"\n"), "podman", OK, `driver = "overlay" in ` + conf, ""},
		{"told by the machine", with("4.3.1", "/etc/containers/storage.conf", "[storage]\ndriver = 'overlay'\n"), "podman", OK, "/etc/containers", ""},
		{"file without a driver", with("4.3.1", conf, "[storage]\ngraphroot = \"/x\"\n"), "podman", Warn, "vfs", "in " + conf + `, section [storage]: driver = "overlay"`},
		{"other driver", with("5.4.2", conf, "[storage]\ndriver = \"btrfs\"\n"), "podman", Warn, `the driver "btrfs" of ` + conf, "in " + conf},
		{"vfs was used", func(f *fake) {
			with("5.4.2")(f)
			f.stats[anaStore+"/vfs-images/images.json"] = File{}
		}, "podman", Warn, "stored with its vfs driver", "podman system reset"},
		{"environment", func(f *fake) {
			with("4.3.1")(f)
			f.env["STORAGE_DRIVER"] = "vfs"
		}, "podman", Warn, `"vfs" of $STORAGE_DRIVER`, "unset STORAGE_DRIVER"},
		{"another file", func(f *fake) {
			with("4.3.1", "/my.conf", "[storage]\ndriver = \"overlay\"\n")(f)
			f.env["CONTAINERS_STORAGE_CONF"] = "/my.conf"
		}, "podman", OK, "/my.conf", ""},
	})
	if v := podmanVersion(t.Context()); strings.ContainsAny(v, " \n") {
		t.Errorf("version %q", v)
	}
}
