package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/userns"
)

// TestMain makes the test binary the program that probes start.
func TestMain(m *testing.M) {
	if os.Args[0] == ProbeName {
		os.Exit(Probe(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fake describes a host as tables. Its zero value is the user "ana" on a host
// on which nothing is there.
type fake struct {
	uid     int
	env     map[string]string
	files   map[string]string
	stats   map[string]File
	fsType  map[string]FileSystem
	xattrs  map[string]string
	release string
	nnp     bool
	open    map[string]error
	noWrite bool
	scratch error
	connect error
	grant   userns.Grant
	lookup  error
	podman  string
	maps    error
	trial   map[string]outcome
}

const (
	ana      = 1000
	anaRun   = "/run/user/1000"
	anaSlice = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service"
	anaStore = "/home/ana/.local/share/containers/storage"
)

// healthy is a host on which every check is ok.
func healthy() *fake {
	all := func(names ...string) outcome {
		var o outcome
		for _, n := range names {
			o.steps = append(o.steps, Step{Name: n})
		}
		return o
	}
	maps := userns.IDMap{{Inside: 0, Outside: ana, Size: 1}, {Inside: 1, Outside: 100000, Size: 65536}}
	return &fake{
		uid:     ana,
		release: "6.1.0-13-amd64",
		env:     map[string]string{"HOME": "/home/ana", "XDG_RUNTIME_DIR": anaRun},
		files: map[string]string{
			"/proc/sys/user/max_user_namespaces":      "63000\n",
			"/proc/sys/user/max_mnt_namespaces":       "63000\n",
			"/proc/sys/net/ipv4/ping_group_range":     "0\t2147483647\n",
			"/proc/self/cgroup":                       "0::/user.slice/user-1000.slice/session-1.scope\n",
			"/proc/self/mountinfo":                    "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			anaSlice + "/cgroup.controllers":          "cpuset cpu io memory pids\n",
			"/etc/os-release":                         "ID=debian\n",
			"/etc/subuid":                             "ana:100000:65536\nbob:165536:65536\n",
			"/sys/module/apparmor/parameters/enabled": "N\n",
		},
		stats: map[string]File{
			"/usr/bin/newuidmap":  {Mode: 0o755 | fs.ModeSetuid},
			"/usr/bin/newgidmap":  {Mode: 0o755 | fs.ModeSetuid},
			"/run/systemd/system": {Mode: 0o755 | fs.ModeDir},
			anaRun + "/bus":       {UID: ana},
			anaRun:                {Mode: 0o700 | fs.ModeDir, UID: ana},
		},
		fsType: map[string]FileSystem{
			"/":              {Type: unix.EXT4_SUPER_MAGIC, Free: 50 << 30},
			"/sys/fs/cgroup": {Type: unix.CGROUP2_SUPER_MAGIC},
		},
		open:  map[string]error{"/dev/net/tun": nil, "/dev/fuse": nil},
		grant: userns.Grant{UID: ana, GID: ana, User: "ana", UIDs: maps, GIDs: maps, Source: userns.SourceFiles},
		trial: map[string]outcome{
			"nothing":  all("started"),
			"calls":    all("clone3", "openat2", "mount_setattr", "open_tree", "move_mount", "pidfd_open", "close_range", "memfd_create", "seals"),
			"seccomp":  all("errno", "kill_process", "log", "user_notif", "no_new_privs", "filter"),
			"unshare":  all("mnt", "uts", "ipc", "net", "pid", "cgroup", "time", "capability", "tun"),
			"mounts":   all("private", "proc", "sysfs", "mqueue", "devpts", "tmpfs"),
			"native":   all("native"),
			"redirect": all("redirect"),
			"overlay":  all("directories", "mnt", "private", "mount", "write", "whiteout", "opaque"),
		},
	}
}

// breakStep makes one step of a trial fail.
func (f *fake) breakStep(trial, step string, err unix.Errno) {
	for i, s := range f.trial[trial].steps {
		if s.Name == step {
			f.trial[trial].steps[i].Err = err
		}
	}
}

// refuse makes every trial fail that needs a user namespace.
func (f *fake) refuse(err unix.Errno) {
	for name := range f.trial {
		if name != "calls" && name != "seccomp" {
			f.trial[name] = outcome{err: &os.PathError{Op: "fork/exec", Path: "/proc/self/exe", Err: err}}
		}
	}
}

func find[T any](m map[string]T, path string) (T, error) {
	v, ok := m[path]
	if !ok {
		return v, &fs.PathError{Op: "open", Path: path, Err: unix.ENOENT}
	}
	return v, nil
}

func (f *fake) host() *Host {
	return &Host{
		UID: f.uid, GID: f.uid,
		Getenv:     func(name string) string { return f.env[name] },
		Executable: func() string { return "/home/ana/bin/coracle" },
		ReadFile: func(path string) ([]byte, error) {
			text, err := find(f.files, path)
			return []byte(text), err
		},
		Stat:   func(path string) (File, error) { return find(f.stats, path) },
		Statfs: func(path string) (FileSystem, error) { return find(f.fsType, path) },
		Xattr: func(path, name string) ([]byte, error) {
			data, err := find(f.xattrs, path+" "+name)
			return []byte(data), err
		},
		LookPath: func(name string) (string, error) {
			path := "/usr/bin/" + name
			_, err := find(f.stats, path)
			return path, err
		},
		Release:    func() string { return f.release },
		NoNewPrivs: func() bool { return f.nnp },
		Open: func(path string) error {
			err, found := f.open[path]
			if !found {
				return unix.ENOENT
			}
			return err
		},
		Writable:      func(string) bool { return !f.noWrite },
		Mkdir:         func(string) error { return nil },
		Scratch:       func(dir string) (string, func(), error) { return dir + "/tmp", func() {}, f.scratch },
		Connect:       func(string) error { return f.connect },
		Lookup:        func(context.Context) (userns.Grant, error) { return f.grant, f.lookup },
		Maps:          func(context.Context, userns.Grant) error { return f.maps },
		PodmanVersion: func(context.Context) string { return f.podman },
		Try: func(_ context.Context, t Trial) ([]Step, error) {
			o := f.trial[t.Name]
			return o.steps, o.err
		},
	}
}

// check runs all checks on the fake host and returns the named one.
func (f *fake) check(t *testing.T, name string) Check {
	t.Helper()
	checks := Run(t.Context(), Options{Host: f.host()})
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check is named %q", name)
	}
	return checks[i]
}

// one is a host with one thing changed, and what a check says about it.
type one struct {
	about  string
	change func(*fake)
	name   string
	status Status
	detail string // must be in Detail
	fix    string // must be in Fix
}

func run(t *testing.T, cases []one) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name+"/"+c.about, func(t *testing.T) {
			f := healthy()
			c.change(f)
			got := f.check(t, c.name)
			if got.Status != c.status || !strings.Contains(got.Detail, c.detail) || !strings.Contains(got.Fix, c.fix) {
				t.Errorf("got  %s: %s\n fix: %s\nwant %s: …%s…\n fix: …%s…", got.Status, got.Detail, got.Fix, c.status, c.detail, c.fix)
			}
			if (got.Cost == "") != (got.Status == OK) {
				t.Errorf("status %s with cost %q", got.Status, got.Cost)
			}
		})
	}
}

func TestHealthyHost(t *testing.T) {
	checks := Run(t.Context(), Options{Host: healthy().host()})
	for _, c := range checks {
		if c.Status != OK || c.Fix != "" || c.Cost != "" {
			t.Errorf("%+v", c)
		}
	}
	if len(checks) != len(Features()) || Exit(checks) != 0 {
		t.Errorf("%d checks, exit %d", len(checks), Exit(checks))
	}
}

func TestFeatureTable(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Features() {
		if f.Name == "" || seen[f.Name] || f.Cost == "" || f.Need != Fail && f.Need != Warn || f.try == nil {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
}

// An empty host must give verdicts, not a panic.
func TestNothingThere(t *testing.T) {
	f := &fake{uid: ana, lookup: errors.New("no /proc")}
	f.grant = userns.Grant{}
	checks := Run(t.Context(), Options{Host: f.host()})
	if Worst(checks) != Fail || Exit(checks) != 1 {
		t.Errorf("worst is %s", Worst(checks))
	}
}

func TestExit(t *testing.T) {
	for _, c := range []struct {
		statuses []Status
		worst    Status
		exit     int
	}{
		{nil, OK, 0},
		{[]Status{OK, OK}, OK, 0},
		{[]Status{Warn, OK}, Warn, 0},
		{[]Status{OK, Fail, Warn}, Fail, 1},
		{[]Status{Fail}, Fail, 1},
	} {
		var checks []Check
		for _, s := range c.statuses {
			checks = append(checks, Check{Status: s})
		}
		if Worst(checks) != c.worst || Exit(checks) != c.exit {
			t.Errorf("%v: worst %s, exit %d", c.statuses, Worst(checks), Exit(checks))
		}
	}
}

func TestReport(t *testing.T) {
	r := NewReport([]Check{{Name: "a", Status: Warn}})
	if r.Version != 1 || r.Status != Warn || len(r.Checks) != 1 {
		t.Errorf("%+v", r)
	}
}
