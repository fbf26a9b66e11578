package plan

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A cgroup namespace is rooted at the cgroup of who makes it: with a cgroup of its
// own that has to be the first process, once it is there.
func TestOwnCgroup(t *testing.T) {
	unshare := []string{"unshare", "CLONE_NEWCGROUP"}
	p := mustPlan(t, nil)
	if p.CloneFlags&unix.CLONE_NEWCGROUP == 0 || at(p.Child, unshare...) >= 0 {
		t.Error("without a cgroup of its own, clone makes the namespace")
	}
	p = mustPlan(t, func(in *Input) { in.Cgroup = true })
	n := at(p.Child, unshare...)
	if p.CloneFlags&unix.CLONE_NEWCGROUP != 0 || n < 0 || n < at(p.Child, "read(") || n > at(p.Child, "setsid") {
		t.Errorf("with one, it is operation %d", n)
	}
	p = mustPlan(t, func(in *Input) { // --cgroupns host
		in.Cgroup = true
		in.Spec.Linux.Namespaces = in.Spec.Linux.Namespaces[:0]
		for _, k := range kinds {
			if k.kind != specs.CgroupNamespace {
				in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: k.kind})
			}
		}
	})
	if at(p.Child, unshare...) >= 0 {
		t.Error("the host's cgroup namespace is not left")
	}
}
