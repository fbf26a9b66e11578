package cgroup

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// fakeHost is a host of files by name.
type fakeHost struct {
	uid   int
	files map[string]string
	// readonly are the directories that cannot be written.
	readonly string
}

func (f fakeHost) view() View {
	return View{
		UID:    f.uid,
		Getenv: func(k string) string { return map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}[k] },
		ReadFile: func(p string) ([]byte, error) {
			s, ok := f.files[p]
			if !ok {
				return nil, fs.ErrNotExist
			}
			return []byte(s), nil
		},
		Exists: func(p string) bool { _, ok := f.files[p]; return ok },
		Writable: func(p string) bool {
			return f.readonly == "" || !strings.HasPrefix(f.readonly+"/", p+"/") && p != f.readonly+"/cgroup.procs"
		},
	}
}

const (
	unified = "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1      = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
		"34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	user1000 = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service"
	id       = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// desktop is a host with systemd, where controllers are delegated to the user.
func desktop(controllers string) fakeHost {
	return fakeHost{uid: 1000, files: map[string]string{
		"/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-1.scope\n", "/proc/self/mountinfo": unified,
		systemdRuns: "", "/run/user/1000/bus": "", user1000 + "/cgroup.controllers": controllers,
	}}
}

func TestFind(t *testing.T) {
	without := func(f fakeHost, names ...string) fakeHost {
		for _, n := range names {
			delete(f.files, n)
		}
		return f
	}
	for name, c := range map[string]struct {
		host      fakeHost
		way       Way
		delegated string
		why       string
	}{
		"desktop":    {desktop("cpu memory pids misc\n"), Systemd, "cpu memory pids", ""},
		"no systemd": {without(desktop(""), systemdRuns), Files, "", ""},
		"no bus":     {fakeHost{1000, without(desktop(""), "/run/user/1000/bus").files, "/sys/fs/cgroup/user.slice/user-1000.slice/session-1.scope"}, None, "", "no part of the cgroup tree is uid 1000's"},
		"delegated": {fakeHost{1000, map[string]string{
			"/proc/self/cgroup": "0::/jobs/7\n", "/proc/self/mountinfo": unified, "/sys/fs/cgroup/jobs/cgroup.controllers": "memory pids",
		}, "/sys/fs/cgroup"}, Files, "memory pids", ""},
		"version 1":      {fakeHost{1000, map[string]string{"/proc/self/cgroup": "2:memory:/\n1:cpu,cpuacct:/\n0::/\n", "/proc/self/mountinfo": v1}, ""}, None, "", "only root"},
		"version 1 root": {fakeHost{0, map[string]string{"/proc/self/cgroup": "2:memory:/\n1:cpu,cpuacct:/\n0::/\n", "/proc/self/mountinfo": v1}, ""}, V1, "cpu memory", ""},
		"not mounted":    {fakeHost{0, map[string]string{"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": ""}, ""}, None, "", "no cgroup file system"},
		"no proc":        {fakeHost{0, nil, ""}, None, "", "cannot read /proc"},
	} {
		h := Find(c.host.view())
		if h.Way != c.way || strings.Join(h.Delegated, " ") != c.delegated || !strings.Contains(h.Why, c.why) || (h.Way == None) != (h.Fix != "") {
			t.Errorf("%s: %+v", name, h)
		}
	}
	h := Find(desktop("memory").view())
	if h.Manager != user1000 || h.Bus != "/run/user/1000/bus" {
		t.Errorf("%+v", h)
	}
}

func memoryLimit(limit int64) *specs.LinuxResources {
	return &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}
}

func TestAllows(t *testing.T) {
	yes, sixty := true, uint64(60)
	set := &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0"}}
	stock, dev := Find(desktop("memory pids").view()), Find(desktop("cpu cpuset io memory pids").view())
	none := Find(fakeHost{1000, map[string]string{"/proc/self/cgroup": "2:memory:/\n", "/proc/self/mountinfo": v1}, ""}.view())
	for name, c := range map[string]struct {
		host  *Host
		r     *specs.LinuxResources
		kind  error
		parts []string
	}{
		"nothing":        {stock, nil, nil, nil},
		"memory":         {stock, memoryLimit(1 << 20), nil, nil},
		"no limit":       {none, memoryLimit(-1), nil, nil},
		"not delegated":  {stock, set, ErrNotDelegated, []string{"--cpuset-cpus cannot be enforced", "cpuset controller is not delegated to user@1000.service, which has memory pids", DropIn, "Delegate=cpu cpuset io memory pids"}},
		"delegated":      {dev, set, nil, nil},
		"no way":         {none, memoryLimit(1), ErrNotDelegated, []string{"--memory cannot be enforced", "version 1", "unified_cgroup_hierarchy"}},
		"swappiness":     {dev, &specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: &sixty}}, ErrUnsupported, []string{"--memory-swappiness", "version 2"}},
		"oom-kill":       {dev, &specs.LinuxResources{Memory: &specs.LinuxMemory{DisableOOMKiller: &yes}}, ErrUnsupported, []string{"--oom-kill-disable", "version 2"}},
		"files lack it":  {Find(fakeHost{0, map[string]string{"/proc/self/cgroup": "0::/j\n", "/proc/self/mountinfo": unified, "/sys/fs/cgroup/cgroup.controllers": "pids"}, ""}.view()), memoryLimit(1), ErrNotDelegated, []string{"not in /sys/fs/cgroup/cgroup.controllers, which has pids"}},
		"version 1 lack": {Find(fakeHost{0, map[string]string{"/proc/self/cgroup": "2:memory:/\n", "/proc/self/mountinfo": v1}, ""}.view()), set, ErrNotDelegated, []string{"mount -t cgroup -o cpuset"}},
	} {
		err := c.host.Allows(c.r)
		if !errors.Is(err, c.kind) || (err == nil) != (c.kind == nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, p := range c.parts {
			if !strings.Contains(err.Error(), p) {
				t.Errorf("%s: %q lacks %q", name, err, p)
			}
		}
	}
}

func TestPlace(t *testing.T) {
	dev := Find(desktop("cpu cpuset io memory pids").view())
	for name, c := range map[string]struct {
		ask   Ask
		want  string // the scope, "" for no place
		slice string
		err   string
	}{
		"nothing asked":    {Ask{ID: id}, "", "", ""},
		"stays":            {Ask{ID: id, Stays: true}, "coracle-" + id + ".scope", "", ""},
		"a limit":          {Ask{ID: id, Resources: memoryLimit(1)}, "coracle-" + id + ".scope", "", ""},
		"no limit":         {Ask{ID: id, Resources: memoryLimit(-1)}, "", "", ""},
		"a slice":          {Ask{ID: id, Parent: "work.slice"}, "coracle-" + id + ".scope", "work.slice", ""},
		"a path":           {Ask{ID: id, Parent: "/work"}, "", "", "name of a slice"},
		"a path of slices": {Ask{ID: id, Parent: "a.slice/b.slice"}, "", "", "name of a slice"},
		"disabled":         {Ask{ID: id, Mode: "disabled", Stays: true}, "", "", ""},
		"no-conmon":        {Ask{ID: id, Mode: "no-conmon", Stays: true}, "", "", "split"},
	} {
		p, err := dev.Place(c.ask)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "\n  fix: ") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || (p == nil) != (c.want == "") || p != nil && (p.Scope != c.want || p.Slice != c.slice || p.Way != Systemd) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	none := Find(fakeHost{1000, map[string]string{"/proc/self/cgroup": "2:memory:/\n", "/proc/self/mountinfo": v1}, ""}.view())
	if p, err := none.Place(Ask{ID: id, Stays: true}); p != nil || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := none.Place(Ask{ID: id, Parent: "/x"}); err == nil || !strings.Contains(err.Error(), "only root") {
		t.Error(err)
	}
	if _, err := none.Place(Ask{ID: id, Mode: "split"}); err == nil {
		t.Error("split on a host without cgroups")
	}
	old := Find(fakeHost{0, map[string]string{"/proc/self/cgroup": "2:memory:/a\n1:cpu,cpuacct:/\n0::/\n", "/proc/self/mountinfo": v1}, ""}.view())
	p, err := old.Place(Ask{ID: id, Resources: memoryLimit(1)})
	if err != nil || p.Group.V1["memory"] != "/sys/fs/cgroup/memory/a/coracle-"+id || p.Group.V1["cpuacct"] != p.Group.V1["cpu"] || len(p.Group.V1) != 3 {
		t.Errorf("%+v, %v", p, err)
	}
	if dirs := p.Group.dirs(); !slices.Contains(dirs, p.Group.V1["cpu"]) || len(dirs) > 3 {
		t.Error(dirs)
	}
	if _, err := old.Place(Ask{ID: id, Parent: "x.slice"}); err == nil {
		t.Error("a slice without systemd")
	}
}

// A version 2 hierarchy without systemd, as directories of a test.
func TestChoose(t *testing.T) {
	root := t.TempDir()
	tree := func(at, on, procs string, isRoot bool) string {
		dir := filepath.Join(root, at)
		fill(t, dir, map[string]string{"cgroup.subtree_control": on, "cgroup.procs": procs, "cgroup.controllers": "memory pids"})
		if !isRoot {
			fill(t, dir, map[string]string{"cgroup.type": "domain"})
		}
		return dir
	}
	top, job := tree("", "", "1\n", false), tree("jobs", "", "", false)
	own := tree("jobs/7", "", "99\n", false)
	host := func(chain ...string) *Host {
		return &Host{Way: Files, Root: root, UID: 5, Own: Group{Unified: own}, Delegated: []string{"memory", "pids"}, chain: chain}
	}
	for name, c := range map[string]struct {
		host *Host
		ask  Ask
		want string
		err  string
	}{
		"without limits: here":           {host(own, job), Ask{}, own, ""},
		"above, where nothing is":        {host(own, job), Ask{Resources: memoryLimit(1)}, job, ""},
		"processes everywhere":           {host(own), Ask{Resources: memoryLimit(1)}, "", "has processes"},
		"those of a container are moved": {host(own, job, top), Ask{Resources: memoryLimit(1)}, job, ""},
		"a parent":                       {host(own, job), Ask{Parent: "/jobs/x"}, filepath.Join(job, "x"), ""},
		"a parent of others":             {host(own, job), Ask{Parent: "/other"}, "", "not below"},
	} {
		c.ask.ID = id
		p, err := c.host.Place(c.ask)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || p.Group.Unified != filepath.Join(c.want, "coracle-"+id) || p.split {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	tree("jobs", "memory pids", "", false)
	if p, err := host(own, job).Place(Ask{ID: id}); err != nil || filepath.Dir(p.Group.Unified) != job {
		t.Errorf("not where the controllers are: %+v, %v", p, err)
	}
	if p, err := (&Host{Way: Files, Root: own, Delegated: []string{"memory"}, chain: []string{own}}).Place(Ask{ID: id, Resources: memoryLimit(1)}); err != nil || !p.split {
		t.Errorf("a container's processes stay: %+v, %v", p, err)
	}
}
