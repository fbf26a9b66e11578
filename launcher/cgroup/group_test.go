package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fill makes a directory with files.
func fill(t *testing.T, dir string, content map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLocate(t *testing.T) {
	for name, c := range map[string]struct {
		mounts, lines string
		dir           map[string]string
		v2            bool
	}{
		"unified":           {unified, "0::/a/b\n", map[string]string{"memory": "/sys/fs/cgroup/a/b", "io": "/sys/fs/cgroup/a/b"}, true},
		"hybrid":            {v1, "2:memory:/m\n1:cpu,cpuacct:/c\n0::/u\n", map[string]string{"memory": "/sys/fs/cgroup/memory/m", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/c", "pids": ""}, false},
		"only a name in v1": {unified + "40 31 0:40 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n", "1:name=systemd:/x\n0::/u\n", map[string]string{"pids": "/sys/fs/cgroup/u"}, true},
		"io is blkio":       {"1 1 0:1 / /b rw - cgroup cgroup rw,blkio\n", "1:blkio:/x\n", map[string]string{"io": "/b/x", "blkio": "/b/x"}, false},
		"another root":      {strings.Replace(unified, " / ", " /docker/7 ", 1), "0::/docker/7/x\n", map[string]string{"memory": "/sys/fs/cgroup/x"}, true},
		"a part of another": {strings.Replace(unified, " / ", " /docker/8 ", 1), "0::/docker/7/x\n", map[string]string{"memory": ""}, false},
		"above a namespace": {strings.Replace(unified, " / ", " /.. ", 1), "0::/../x\n", map[string]string{"memory": "/sys/fs/cgroup/x"}, true},
		"outside of it":     {unified, "0::/../x\n", map[string]string{"memory": ""}, false},
		"spaces":            {strings.Replace(unified, "/sys/fs/cgroup", `/mnt/a\040b`, 1), "0::/x\n", map[string]string{"memory": "/mnt/a b/x"}, true},
		"covered": {
			"20 1 0:1 / / rw - ext4 x rw\n31 20 0:28 / /sys/fs/cgroup rw - tmpfs t rw\n33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n90 31 0:38 / /sys/fs/cgroup rw - cgroup2 c rw\n",
			"2:memory:/m\n0::/u\n", map[string]string{"memory": "/sys/fs/cgroup/u"}, true,
		},
		"covered on top":     {unified + "99 30 0:9 / /sys/fs/cgroup rw - tmpfs t rw\n", "0::/u\n", map[string]string{"memory": ""}, false},
		"damaged":            {"x\n - \n1 2 - cgroup2\n", "x\n0:\n::\n", map[string]string{"memory": ""}, false},
		"colons in the path": {unified, "0::/a:b:c\n", map[string]string{"memory": "/sys/fs/cgroup/a:b:c"}, true},
	} {
		g := locate(parseMounts(c.mounts), c.lines)
		for controller, want := range c.dir {
			if dir, ok := g.Dir(controller); dir != want && ok || ok != (want != "") {
				t.Errorf("%s: %s at %q, %v; want %q", name, controller, dir, ok, want)
			}
		}
		if g.V2() != c.v2 {
			t.Errorf("%s: version 2 %v", name, g.V2())
		}
	}
	if g, err := Of(0); err != nil || !g.Exists() {
		t.Skip("cgroup: no cgroup file system is mounted here")
	}
	if _, err := Of(1 << 30); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestCut(t *testing.T) {
	for path, want := range map[string]string{
		"/c/coracle-" + id:                                   "/c/coracle-" + id,
		"/c/coracle-" + id + "/init.scope":                   "/c/coracle-" + id,
		"/s/coracle-" + id + ".scope/container":              "/s/coracle-" + id + ".scope/container",
		"/s/coracle-" + id + ".scope/container/system.slice": "/s/coracle-" + id + ".scope/container",
		"/s/coracle-" + id + ".scope/supervisor":             "",
		"/s/coracle-" + id + ".scope/containers":             "",
		"/s/coracle-" + id + "x":                             "",
		"/user.slice":                                        "",
		"":                                                   "",
	} {
		if got := cut(path, id); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if _, err := OfContainer(id, os.Getpid()); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

func TestOOMKills(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, map[string]string{"memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"})
	if n := (Group{Unified: dir}).OOMKills(); n != 2 {
		t.Errorf("version 2: %d", n)
	}
	if n := (Group{V1: map[string]string{"memory": dir}}).OOMKills(); n != 7 {
		t.Errorf("version 1: %d", n)
	}
	if n := (Group{V1: map[string]string{"pids": dir}}).OOMKills() + (Group{Unified: filepath.Join(dir, "none")}).OOMKills() + (Group{}).OOMKills(); n != 0 {
		t.Errorf("without a memory controller: %d", n)
	}
}

func FuzzLocate(f *testing.F) {
	f.Add(unified, "0::/a/b\n")
	f.Add(v1, "2:memory:/m\n1:cpu,cpuacct:/c\n")
	f.Add(`1 1 0:1 /.. /a\134b rw - cgroup2 x rw`, "0::/../../x")
	f.Fuzz(func(t *testing.T, mounts, lines string) {
		all := parseMounts(mounts)
		g := locate(all, lines)
		for _, dir := range g.dirs() {
			inside := false
			for _, m := range all {
				at := filepath.Clean(m.at)
				inside = inside || dir == at || strings.HasPrefix(dir, strings.TrimSuffix(at, "/")+"/")
			}
			if !inside {
				t.Errorf("%q %q: %q is in no mount", mounts, lines, dir)
			}
		}
	})
}
