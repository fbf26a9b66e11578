package plan

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// input is a usual container; change alters it.
func input(change func(*Input)) Input {
	in := Input{
		Spec: &specs.Spec{
			Hostname: "box",
			Root:     &specs.Root{},
			Process: &specs.Process{
				Args: []string{"true"}, Env: []string{"PATH=/bin:/sbin"}, Cwd: "/work",
				Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}, Effective: []string{"CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"}},
			},
			Mounts: []specs.Mount{
				{Destination: "/proc", Type: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
				{Destination: "/dev", Type: "tmpfs", Options: []string{"nosuid", "mode=755"}},
				{Destination: "/dev/pts", Type: "devpts", Options: []string{"newinstance", "gid=5"}},
				{Destination: "/data/sub", Type: "bind", Source: "/srv/x", Options: []string{"rbind", "ro", "rslave"}},
			},
			Linux: &specs.Linux{
				MaskedPaths: []string{"/proc/kcore", "/proc/acpi", "/proc/nowhere"}, ReadonlyPaths: []string{"/proc/sys"},
				UIDMappings: []specs.LinuxIDMapping{{Size: 1}, {ContainerID: 1, HostID: 1, Size: 65536}},
				GIDMappings: []specs.LinuxIDMapping{{Size: 1}, {ContainerID: 1, HostID: 1, Size: 65536}},
			},
		},
		Root:   Root{Mount: "/c/root", Dir: "/store", Lower: []string{"l/A", "l/B"}, Upper: "/c/upper", Work: "/c/work", Volatile: true},
		Files:  []File{{Path: "/etc/hosts", Content: []byte("x"), Mode: 0o644}},
		Filter: &Filter{Program: []unix.SockFilter{{Code: 6, K: 0x7fff0000}}, About: "all allowed"},
		Kind:   func(p string) (bool, bool) { return p != "/proc/nowhere", p == "/proc/acpi" || p == "/proc/sys" },
		NotDir: func(p string) bool { return strings.HasSuffix(p, ".file") },
	}
	for _, k := range kinds {
		in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: k.kind})
	}
	if change != nil {
		change(&in)
	}
	return in
}

func mustPlan(t *testing.T, change func(*Input)) *Plan {
	t.Helper()
	p, err := New(input(change))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// at returns the index of the first operation whose text holds all of words.
func at(ops []tape.Op, words ...string) int {
next:
	for i, op := range ops {
		for _, w := range words {
			if !strings.Contains(op.String()+"  # "+op.Why+"\n", w) {
				continue next
			}
		}
		return i
	}
	return -1
}

// inOrder fails unless each operation is there, after the one before.
func inOrder(t *testing.T, ops []tape.Op, words ...string) {
	t.Helper()
	last, before := -1, ""
	for _, w := range words {
		i := at(ops, w)
		if i < 0 {
			t.Errorf("no operation %s", w)
		} else if i < last {
			t.Errorf("%s (%d) comes before %s (%d)", w, i, before, last)
		}
		last, before = i, w
	}
}

func TestOrder(t *testing.T) {
	common := []string{
		"close(%2)", "read(%1", "setresuid(0, 0, 0)", "setsid()", `above the old root, and gone`, "move_mount(%32",
		`fsopen("proc"`, `fsopen("devpts"`, "at /data/sub", "sethostname", "at /etc/hosts", "masked: /proc/kcore", "read-only: /proc/sys",
		"pivot_root", "the old root is gone for good", "PR_CAPBSET_DROP", "close_range",
	}
	inOrder(t, mustPlan(t, nil).Child, append(common, "seccomp(", "# the container's user\n", "capset", "ppoll", "no signal blocked", "execve(")...)
	nnp := mustPlan(t, func(in *Input) { in.Spec.Process.NoNewPrivileges = true })
	inOrder(t, nnp.Child, append(common, "PR_SET_NO_NEW_PRIVS", "# the container's user\n", "capset", "ppoll", "no signal blocked", "seccomp(", "execve(")...)
}

// Whatever an operation uses was made by an earlier one, or is the supervisor's.
func TestSlotsAreFilledBeforeUse(t *testing.T) {
	for name, change := range changes() {
		t.Run(name, func(t *testing.T) {
			p := mustPlan(t, change)
			filled := map[tape.Slot]bool{}
			for s := SyncRead; s < firstFree; s++ {
				filled[s] = true
			}
			for _, ops := range [][]tape.Op{p.Borrow, p.Host, p.Child} {
				for _, op := range ops {
					for _, a := range op.Args {
						for _, s := range slotsOf(a) {
							if !filled[s] {
								t.Errorf("%s uses a slot that nothing filled", op)
							}
						}
					}
					filled[op.Into] = true
				}
			}
		})
	}
}

func slotsOf(a tape.Arg) (s []tape.Slot) {
	if a.Slot != 0 {
		s = append(s, a.Slot)
	}
	var walk func(b *tape.Blob)
	walk = func(b *tape.Blob) {
		for _, r := range b.Refs {
			if r.Blob != nil {
				walk(r.Blob)
			} else {
				s = append(s, r.Slot)
			}
		}
	}
	if a.Blob != nil {
		walk(a.Blob)
	}
	return s
}

func changes() map[string]func(*Input) {
	return map[string]func(*Input){
		"usual": nil,
		"terminal": func(in *Input) {
			in.Spec.Process.Terminal, in.Spec.Process.ConsoleSize = true, &specs.Box{Width: 80, Height: 24}
		},
		"data elsewhere": func(in *Input) { in.Root.Data = []string{"/store/overlay", "/other/overlay"} },
		"fuse":           func(in *Input) { in.Root.Fuse = "/bin/fuse-overlayfs" },
		"init":           func(in *Input) { in.Init = true },
		"dir":            func(in *Input) { in.Root = Root{Dir: "/somewhere"} },
		"keep":           func(in *Input) { in.Keep = 2 },
		"read-only, no masks": func(in *Input) {
			in.Spec.Root.Readonly, in.Spec.Linux.MaskedPaths, in.Files = true, nil, nil
		},
		"overlay volume": func(in *Input) {
			in.Spec.Mounts = append(in.Spec.Mounts, specs.Mount{Destination: "/o", Type: "overlay", Source: "/srv", Options: []string{"upperdir=/v/upper", "workdir=/v/work"}})
		},
		"cgroup, tmpfs, sysctl, oom, time": func(in *Input) {
			adj := 5
			in.Spec.Process.OOMScoreAdj = &adj
			in.Spec.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
			in.Spec.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 9}}
			in.Spec.Mounts = append(in.Spec.Mounts, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup"}, specs.Mount{Destination: "/t", Type: "tmpfs", Options: []string{"size=1m"}})
		},
		"join": func(in *Input) {
			for i := range in.Spec.Linux.Namespaces {
				if n := &in.Spec.Linux.Namespaces[i]; n.Type != specs.MountNamespace && n.Type != specs.CgroupNamespace {
					n.Path = "/proc/1/ns/x"
				}
			}
			in.Spec.Mounts = append(in.Spec.Mounts, specs.Mount{Destination: "/dev/shm", Type: "bind", Source: "container:x"})
		},
	}
}

func TestJoining(t *testing.T) {
	p := mustPlan(t, changes()["join"])
	if p.ShareMemory {
		t.Error("a child that other processes can trace must not share the supervisor's memory")
	}
	if p.CloneFlags != 0 {
		t.Errorf("clone flags %#x: namespaces would belong to the base namespace", p.CloneFlags)
	}
	inOrder(t, p.Child, "CLONE_NEWUSER)", "CLONE_NEWPID)", "CLONE_PARENT", "tell the supervisor its pid", "be root of")
	fork := p.Child[at(p.Child, "CLONE_PARENT")]
	if !strings.Contains(fork.String(), "CLONE_NEWNS") || fork.ZeroSkip != 2 {
		t.Errorf("fork is %s, skipping %d", fork, fork.ZeroSkip)
	}
	inOrder(t, p.Borrow, "setns", "RESOLVE_NO_SYMLINKS", "open_tree", "sendmsg")
}

// The image's content is reached by the kernel's own confined look-ups only.
func TestNoPathLeadsThroughTheImage(t *testing.T) {
	for name, change := range changes() {
		p := mustPlan(t, change)
		pivot := at(p.Child, "pivot_root")
		for _, op := range p.Child[:pivot] {
			for i, a := range op.Args {
				if a.Blob == nil || i == 0 || op.Args[0].Text != cwd.Text {
					continue
				}
				if path := string(a.Blob.Data); path != "/\x00" && path != "\x00" {
					t.Errorf("%s: %s goes by a path", name, op)
				}
			}
			if op.Call == tape.Openat2 && !strings.Contains(op.String(), "RESOLVE_IN_ROOT") && !strings.Contains(op.String(), "RESOLVE_BENEATH") {
				t.Errorf("%s: %s is not confined", name, op)
			}
		}
	}
}

// As many file systems lie above the new root after the pivot as are taken away.
func TestOldRootIsDetached(t *testing.T) {
	for name, change := range changes() {
		p := mustPlan(t, change)
		pile, detached := 0, 0
		for _, op := range p.Child {
			if op.Call == tape.MoveMount && len(op.Args) == 5 && op.Args[3].Blob != nil && string(op.Args[3].Blob.Data) == "/\x00" {
				pile++
			}
			if op.Call == tape.Umount2 {
				detached++
			}
		}
		// The root itself stays; the old root is in the pile from the start.
		if pile != detached {
			t.Errorf("%s: %d file systems above the old root, %d detached", name, pile, detached)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		change func(*Input)
		want   string
	}{
		"no command":         {func(in *Input) { in.Spec.Process.Args = nil }, "no command"},
		"no mount namespace": {func(in *Input) { in.Spec.Linux.Namespaces = nil }, "mount namespace of its own"},
		"twice": {func(in *Input) {
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, in.Spec.Linux.Namespaces[1])
		}, "twice"},
		"no maps":             {func(in *Input) { in.Spec.Linux.UIDMappings = nil }, "needs id maps"},
		"mount on root":       {func(in *Input) { in.Spec.Mounts[3].Destination = "/x/.." }, "cannot replace"},
		"file system":         {func(in *Input) { in.Spec.Mounts[3].Type = "ext4" }, "ext4"},
		"capability":          {func(in *Input) { in.Spec.Process.Capabilities.Bounding = []string{"CAP_FLY"} }, "CAP_FLY"},
		"inheritable":         {func(in *Input) { in.Spec.Process.Capabilities.Inheritable = []string{"CAP_CHOWN"} }, "CVE-2022-29162"},
		"limit":               {func(in *Input) { in.Spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_X"}} }, "RLIMIT_X"},
		"bind option":         {func(in *Input) { in.Spec.Mounts[3].Options = []string{"size=3"} }, "size=3"},
		"overlay without dir": {func(in *Input) { in.Spec.Mounts[3].Type = "overlay" }, "upperdir"},
		"comma in a layer":    {func(in *Input) { in.Root.Lower = []string{"a,b"} }, "a,b"},
		"too many layers": {func(in *Input) {
			in.Root.Lower = strings.Split(strings.Repeat("l/ABCDEFGHIJKLMNOPQRSTUVWXYZ ", 150), " ")
		}, "squash"},
		"no root":             {func(in *Input) { in.Root = Root{} }, "no root"},
		"sysctl without proc": {func(in *Input) { in.Spec.Mounts = nil; in.Spec.Linux.Sysctl = map[string]string{"a": "b"} }, "no /proc"},
		"borrowed elsewhere":  {func(in *Input) { in.Spec.Mounts[3].Source = "container:x" }, "/dev/shm"},
	}
	for name, tt := range tests {
		if _, err := New(input(tt.change)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDetails(t *testing.T) {
	p := mustPlan(t, nil)
	if at(p.Child, "/proc/nowhere") >= 0 {
		t.Error("a path that the kernel does not have is masked")
	}
	if at(p.Host, "userxattr,upperdir=/c/upper,workdir=/c/work,volatile") < 0 {
		t.Error("overlay options")
	}
	if at(p.Child, "mount_setattr", "+ro", "rslave") < 0 {
		t.Error("options and propagation of the volume")
	}
	if !p.ShareMemory || p.UIDMap != "0 0 1\n1 1 65536\n" {
		t.Errorf("%+v", p)
	}
	exec := p.Child[len(p.Child)-2:]
	if exec[0].String() != `execve("/bin/true", ["true"], ["PATH=/bin:/sbin"]) unless ENOENT, ENOTDIR, EACCES` || len(exec[1].Allow) != 0 {
		t.Errorf("search for the command: %v", exec)
	}
	moved := mustPlan(t, func(in *Input) {
		in.Spec.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 7, Size: 9}}
	})
	if at(moved.Host, `fchownat(AT_FDCWD, "/c/upper", 7, 0`) < 0 {
		t.Error("the root directory has another owner than the container's root")
	}
	file := mustPlan(t, func(in *Input) { in.Spec.Mounts[3].Source = "/srv/x.file" })
	if at(file.Child, "mknodat", `"sub"`) < 0 {
		t.Error("no file to mount a file at")
	}
}

func TestCandidates(t *testing.T) {
	for command, want := range map[string]string{"a/b": "a/b", "ls": "/x/ls ./ls /y/ls"} {
		if got := strings.Join(Candidates(command, []string{"PATH=/x::/y"}), " "); got != want {
			t.Errorf("%s: %s", command, got)
		}
	}
	if got := Candidates("ls", nil); got[0] != "/bin/ls" {
		t.Error(got)
	}
}

func BenchmarkNew(b *testing.B) {
	in := input(nil)
	for b.Loop() {
		if _, err := New(in); err != nil {
			b.Fatal(err)
		}
	}
}
