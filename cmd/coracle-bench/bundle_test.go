package main

import (
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/userns"
)

func testGrant() userns.Grant {
	m := userns.IDMap{{Inside: 0, Outside: 1000, Size: 1}, {Inside: 1, Outside: 100000, Size: 65536}}
	return userns.Grant{UIDs: m, GIDs: m}
}

func TestBundle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b")
	b := bundle{root: "/srv/root", command: trueCommand(), grant: testGrant(), seccomp: &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}, cgroup2: true}
	check(t, b.write(dir))
	var s specs.Spec
	check(t, readJSON(filepath.Join(dir, "config.json"), &s))
	if s.Root.Path != "/srv/root" || !slices.Equal(s.Process.Args, trueCommand()) {
		t.Errorf("it runs %v in %s", s.Process.Args, s.Root.Path)
	}
	want := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}
	if !slices.Equal(s.Linux.UIDMappings, want) || !slices.Equal(s.Linux.GIDMappings, want) {
		t.Errorf("maps are %v and %v", s.Linux.UIDMappings, s.Linux.GIDMappings)
	}
	if len(s.Linux.Namespaces) != 7 || s.Linux.Seccomp == nil {
		t.Errorf("namespaces %v, seccomp %v", s.Linux.Namespaces, s.Linux.Seccomp)
	}
	if !slices.Equal(s.Process.Capabilities.Bounding, defaultCaps()) || len(s.Process.Capabilities.Inheritable)+len(s.Process.Capabilities.Ambient) > 0 {
		t.Errorf("capabilities are %+v", s.Process.Capabilities)
	}
	if !mounted(&s, "/sys/fs/cgroup") || !slices.Contains(mountOptions(t, &s, "/dev/pts"), "gid=5") {
		t.Errorf("mounts are %+v", s.Mounts)
	}
}

// What the host cannot do is not asked for.
func TestBundleWeak(t *testing.T) {
	one := userns.IDMap{{Inside: 0, Outside: 1000, Size: 1}}
	s := bundle{grant: userns.Grant{UIDs: one, GIDs: one}}.spec()
	if s.Linux.Seccomp != nil || mounted(s, "/sys/fs/cgroup") {
		t.Errorf("seccomp %v, mounts %v", s.Linux.Seccomp, s.Mounts)
	}
	if slices.Contains(mountOptions(t, s, "/dev/pts"), "gid=5") {
		t.Error("devpts for a group that is not mapped")
	}
}

func mounted(s *specs.Spec, path string) bool {
	return slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == path })
}

func mountOptions(t *testing.T, s *specs.Spec, path string) []string {
	t.Helper()
	for _, m := range s.Mounts {
		if m.Destination == path {
			return m.Options
		}
	}
	t.Fatalf("no mount on %s", path)
	return nil
}
