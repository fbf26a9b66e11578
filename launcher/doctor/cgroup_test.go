package doctor

import "testing"

func TestCgroups(t *testing.T) {
	run(t, []one{
		{"delegated", func(f *fake) {}, "cgroup", OK, "user@1000.service: cpu cpuset io memory pids", ""},
		{"version 1", func(f *fake) {
			f.files["/proc/self/mountinfo"] = "32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
			f.files["/proc/self/cgroup"] = "4:memory:/x\n0::/\n"
		}, "cgroup", Warn, "only root", "unified_cgroup_hierarchy"},
		{"version 1 as root", func(f *fake) {
			f.uid = 0
			f.files["/proc/self/mountinfo"] = "32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
			f.files["/proc/self/cgroup"] = "4:memory:/x\n"
		}, "cgroup", Warn, "version 1, which root may: memory; missing: cpu, cpuset, io, pids", "mount -t cgroup"},
		{"not mounted", func(f *fake) { f.files["/proc/self/mountinfo"] = "\n" }, "cgroup", Warn, "no cgroup file system", "mount"},
		{"no proc", func(f *fake) { delete(f.files, "/proc/self/mountinfo") }, "cgroup", Warn, "cannot read /proc", "mount"},
		{"stock", func(f *fake) { f.files[anaSlice+"/cgroup.controllers"] = "memory pids\n" }, "cgroup", Warn, "missing: cpu, cpuset, io", "Delegate=cpu cpuset io memory pids"},
		{"nothing delegated", func(f *fake) { delete(f.stats, anaRun+"/bus"); f.noWrite = true }, "cgroup", Warn, "no part of the cgroup tree", "enable-linger"},
		{"own cgroup", func(f *fake) {
			delete(f.stats, systemdRuns)
			f.files["/proc/self/cgroup"] = "1:name=systemd:/x\n0::/job/7\n"
			f.files["/sys/fs/cgroup/cgroup.controllers"] = "cpu cpuset io memory pids"
		}, "cgroup", OK, "at /:", ""},
		{"root in a container", func(f *fake) {
			f.uid = 0
			delete(f.stats, systemdRuns)
			f.files["/proc/self/cgroup"] = "0::/\n"
			f.files["/sys/fs/cgroup/cgroup.controllers"] = "pids"
		}, "cgroup", Warn, "at /: pids; missing", "subtree_control"},
	})
}
