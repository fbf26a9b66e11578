package doctor

import (
	"strings"
	"testing"
)

func TestFindStore(t *testing.T) {
	const own, etc = "/home/ana/.config/containers/storage.conf", "/etc/containers/storage.conf"
	for _, c := range []struct {
		about  string
		change func(*fake)
		want   string
	}{
		{"default", func(f *fake) {}, anaStore},
		{"data directory", func(f *fake) { f.env["XDG_DATA_HOME"] = "/data" }, "/data/containers/storage"},
		{"relative data directory", func(f *fake) { f.env["XDG_DATA_HOME"] = "data" }, anaStore},
		{"own file", func(f *fake) { f.files[own] = "[storage]\ngraphroot = \"/scratch/$USER/$UID\"\n" }, "/scratch/ana/1000"},
		{"own file elsewhere", func(f *fake) {
			f.env["XDG_CONFIG_HOME"] = "/conf"
			f.files["/conf/containers/storage.conf"] = "[storage]\ngraphroot='$HOME/images'"
		}, "/home/ana/images"},
		{"the system's, for users", func(f *fake) {
			f.files[etc] = "[storage]\ngraphroot = \"/var/lib/containers/storage\"\nrootless_storage_path = \"/pool/$UID\" # local\n"
		}, "/pool/1000"},
		{"the system's, for root only", func(f *fake) { f.files[etc] = "[storage]\ngraphroot = \"/x\"\n" }, anaStore},
		{"named file", func(f *fake) {
			f.env["CONTAINERS_STORAGE_CONF"] = "/s.conf"
			f.files["/s.conf"] = "[storage]\ngraphroot = \"/named\""
		}, "/named"},
		{"named file is not there", func(f *fake) { f.env["CONTAINERS_STORAGE_CONF"] = "/s.conf" }, anaStore},
		{"root", func(f *fake) { f.uid = 0 }, "/var/lib/coracle/storage"},
		{"relative", func(f *fake) { f.files[own] = "[storage]\ngraphroot = \"x\"" }, anaStore},
	} {
		f := healthy()
		c.change(f)
		if got := newExam(t.Context(), Options{Host: f.host()}).store; got != c.want {
			t.Errorf("%s: %s, want %s", c.about, got, c.want)
		}
	}
}

func TestTomlString(t *testing.T) {
	const text = "graphroot = \"outside\"\n# graphroot = \"comment\"\n[ storage ]\n  graphroot=\"in\"\n[storage.options]\nsize = \"1\"\nodd = \"open\nlist = [\"a\"]\n"
	for _, c := range []struct{ section, key, want string }{
		{"storage", "graphroot", "in"},
		{"storage", "size", ""},
		{"storage.options", "size", "1"},
		{"storage.options", "odd", ""},
		{"storage.options", "list", ""},
		{"", "graphroot", "outside"},
	} {
		if got := tomlString(text, c.section, c.key); got != c.want {
			t.Errorf("[%s] %s: %q, want %q", c.section, c.key, got, c.want)
		}
	}
}

func FuzzTomlString(f *testing.F) {
	f.Add("[storage]\ngraphroot = \"/x\"\n")
	f.Add("[storage\ngraphroot = '")
	f.Add("[storage]\n= =\n\"graphroot\"=\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		if v := tomlString(text, "storage", "graphroot"); strings.Contains(v, "\n") {
			t.Errorf("%q", v)
		}
	})
}
