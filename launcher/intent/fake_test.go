package intent

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"coracle/storage/volume"
)

const testID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// fakeView is a root file system of files by name; a name ending in "/" is a directory.
type fakeView map[string]string

func (v fakeView) ReadFile(name string, limit int64) ([]byte, error) {
	s, ok := v[name]
	switch {
	case !ok:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case int64(len(s)) > limit:
		return nil, errors.New("file is larger than its limit")
	case s == "FIFO":
		return nil, errors.New("not a regular file")
	}
	return []byte(s), nil
}

func (v fakeView) Resolve(name string) (string, fs.FileMode, bool, error) {
	if mode, ok := v[name+"/"]; ok {
		m := fs.ModeDir | 0o755
		if mode == "sticky" {
			m = fs.ModeDir | fs.ModeSticky | 0o777
		}
		return "./" + name, m, true, nil
	}
	_, ok := v[name]
	return "./" + name, 0o644, ok, nil
}

// debianView is the part of a Debian image that Build looks at.
func debianView() fakeView {
	return fakeView{
		"etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
			"www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nana:x:1000:1000:Ana,,,:/home/ana:/bin/bash\n",
		"etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:ana\nsudo:x:27:ana,bob\nana:x:1000:\nbig:x:70000:ana\n",
		"tmp/":      "sticky", "run/": "", "var/tmp/": "sticky", "etc/": "", "data/": "", "etc/motd": "hi", "etc/hosts": "192.0.2.8 eight\n",
	}
}

// fakeHost is a workstation with the given paths besides a few devices.
func fakeHost(paths ...string) *HostFacts {
	stats := map[string]Stat{
		"/src": {Mode: fs.ModeDir | 0o755}, "/src/file": {Mode: 0o644}, "/home/me/x": {Mode: fs.ModeDir | 0o755},
		"/locked": {Mode: fs.ModeDir, NoExec: true, NoSUID: true, NoDev: true},
		"/dev":    {Mode: fs.ModeDir | 0o755}, "/dev/fuse": {Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666},
		"/dev/dri": {Mode: fs.ModeDir | 0o755}, "/dev/snd": {Mode: fs.ModeDir | 0o755}, "/dev/mqueue": {Mode: fs.ModeDir | 0o755},
		"/sys": {Mode: fs.ModeDir | 0o755},
	}
	for _, p := range paths {
		stats[p] = Stat{Mode: fs.ModeDir | 0o755}
	}
	env := map[string]string{"SECRET": "s3", "LANG": "C", "LC_ALL": "C", "LC_TIME": "de", "http_proxy": "http://p"}
	files := map[string]string{
		"/etc/hosts":                          "127.0.0.1 localhost\n::1 localhost # v6\n10.0.0.9 nas nas.lan\nbad line\n127.0.1.1 host\n",
		"/etc/resolv.conf":                    "# c\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch lan example.org\noptions edns0\n",
		"/home/me/hosts":                      "192.0.2.9 nine # c\n",
		"/home/me/vars":                       "A=1\n# no\n  B=two words \nSECRET\nABSENT\n",
		"/home/me/star":                       "*\n",
		"/home/me/labels":                     "team=x\nflag\n",
		"/usr/share/zoneinfo/Europe/Berlin":   "TZif2...",
		"/usr/share/zoneinfo/tzdata.zi":       "# version",
		"/etc/localtime":                      "TZif2 local",
		"/usr/share/zoneinfo/../../../secret": "TZif",
	}
	return &HostFacts{
		Cwd: "/home/me", Hostname: "host", LastCap: 40, Cgroup2: true, TimeNS: true, OOMScoreAdj: 100,
		Rlimits:   map[string]Rlimit{"nofile": {1024, 524288}, "nproc": {63000, 63000}, "core": {0, 1<<64 - 1}},
		LookupEnv: func(n string) (string, bool) { v, ok := env[n]; return v, ok },
		Environ: func() []string {
			var out []string
			for _, k := range slices.Sorted(maps.Keys(env)) {
				out = append(out, k+"="+env[k])
			}
			return out
		},
		ReadFile: func(name string, limit int64) ([]byte, error) {
			s, ok := files[name]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return []byte(s), nil
		},
		Stat: func(name string) (Stat, error) {
			s, ok := stats[name]
			if !ok {
				return s, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
			}
			return s, nil
		},
		Devices: func(dir string) ([]string, error) {
			var out []string
			for _, n := range []string{"/dev/dri/card0", "/dev/dri/renderD128", "/dev/fuse", "/elsewhere/x"} {
				if strings.HasPrefix(n, dir) || n[1] == 'e' {
					out = append(out, n)
				}
			}
			return out, nil
		},
		MountsOf: func(name string) ([]volume.Mount, error) {
			if name != "other" {
				return nil, errors.New("no such container")
			}
			return []volume.Mount{
				{Type: "volume", Name: "vol", Destination: "/from/vol", Subpath: "part", Options: []string{"rbind", "rprivate", "rro"}},
				{Type: "volume", Name: testID, Anonymous: true, Destination: "/from/anon", Options: []string{"rbind", "rprivate"}},
				{Type: "bind", Source: "/src", Destination: "/from/src", Options: []string{"rbind", "rslave"}},
				{Type: "image", Source: "debian", Destination: "/from/img", Options: []string{"nosuid", "nodev", "ro"}},
				{Type: "overlay", Source: "/src", Destination: "/from/o", Options: []string{"nosuid", "nodev", "lowerdir=/src"}},
				{Type: "overlay", Name: "vol", Destination: "/from/vo", Options: []string{"nosuid", "nodev"}},
				{Type: "tmpfs", Source: "tmpfs", Destination: "/from/mem", Options: []string{"rprivate", "size=1024"}},
			}, nil
		},
		Thermal: func() []string { return []string{"/sys/devices/system/cpu/cpu0/thermal_throttle"} },
	}
}

// rootlessMaps are those of a user with one range of 65536 ids: 65537 ids in the container.
func rootlessMaps() Maps {
	m := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 0, Size: 65537}}
	return Maps{UIDs: m, GIDs: m}
}

func debianImage() *ImageConfig {
	return &ImageConfig{Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}, Cmd: []string{"bash"}}
}

// ask makes an Input for a command line that is given as changes to the default options.
func ask(change func(*Options), argv ...string) Input {
	o := Defaults()
	o.Argv = append([]string{"debian"}, argv...)
	if change != nil {
		change(&o)
	}
	return Input{Options: &o, ID: testID, Image: debianImage(), View: debianView(), Maps: rootlessMaps(), Host: fakeHost()}
}

func mustBuild(t *testing.T, in Input) (*specs.Spec, *Extras) {
	t.Helper()
	s, e, err := Build(in)
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	return s, e
}

// wantErr checks the kind of an error and that its text holds the given parts.
func wantErr(t *testing.T, err error, kind error, parts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v is not %v", err, kind)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
	if s := err.Error(); s != strings.ToLower(s[:1])+s[1:] && !strings.HasPrefix(s, "USER") && !strings.HasPrefix(s, "CAP") {
		t.Errorf("error %q does not start in lower case", s)
	}
}

func mountAt(s *specs.Spec, dst string) *specs.Mount {
	for i := range s.Mounts {
		if s.Mounts[i].Destination == dst {
			return &s.Mounts[i]
		}
	}
	return nil
}

// mountLine writes a mount the way tests compare it.
func mountLine(m *specs.Mount) string {
	if m == nil {
		return "none"
	}
	return fmt.Sprintf("%s %s %s %s", m.Type, m.Source, m.Destination, strings.Join(m.Options, ","))
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func ptr[T any](v T) *T { return &v }
