package seccomp

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const (
	allow  = unix.SECCOMP_RET_ALLOW
	eperm  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	enosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

func mustCompile(t testing.TB, p *specs.LinuxSeccomp, arch string) []unix.SockFilter {
	t.Helper()
	filter, err := Compile(p, arch)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkFilter(filter); err != nil {
		t.Fatalf("the kernel would refuse the filter: %v", err)
	}
	return filter
}

func TestDefaultVerdicts(t *testing.T) {
	admin := append(slices.Clone(defaultCaps), "CAP_SYS_ADMIN")
	for _, test := range []struct {
		name string
		args []uint64
		caps []string
		want uint32
	}{
		{"getpid", nil, nil, allow},
		{"openat", nil, nil, allow},
		{"ptrace", nil, nil, allow},
		{"removexattrat", nil, nil, allow},
		{"io_uring_setup", nil, nil, eperm},
		{"keyctl", nil, nil, eperm},
		{"userfaultfd", nil, nil, eperm},
		{"kexec_load", nil, admin, eperm},

		// Newer than the profile: libraries must see a kernel that does not have them.
		{"open_tree_attr", nil, nil, enosys},
		{"rseq_slice_yield", nil, admin, enosys},

		{"socket", []uint64{unix.AF_INET}, nil, allow},
		{"socket", []uint64{unix.AF_UNIX}, nil, allow},
		{"socket", []uint64{37}, nil, allow},
		{"socket", []uint64{38}, nil, eperm},
		{"socket", []uint64{39}, nil, allow},
		{"socket", []uint64{40}, nil, eperm},
		{"socket", []uint64{41}, nil, allow},
		{"socket", []uint64{38}, admin, eperm},

		{"ioctl", []uint64{0, unix.TCGETS}, nil, allow},
		{"ioctl", []uint64{0, 0x5411}, nil, allow},
		{"ioctl", []uint64{0, 0x5412}, nil, eperm},
		{"ioctl", []uint64{0, 0x5413}, nil, allow}, // TIOCGWINSZ
		{"ioctl", []uint64{0, 0x541b}, nil, allow}, // FIONREAD
		{"ioctl", []uint64{0, 0x541c}, nil, eperm},
		{"ioctl", []uint64{0, 0x541d}, nil, allow},
		{"ioctl", []uint64{0, 0xffffffff}, nil, allow},
		{"ioctl", []uint64{0, 1<<32 | 0x5412}, admin, eperm},
		{"ioctl", []uint64{0, 1<<32 | 0x541c}, nil, eperm},
		{"ioctl", []uint64{0x5412, 0}, nil, allow},

		{"personality", []uint64{0}, nil, allow},
		{"personality", []uint64{0xffffffff}, nil, allow},
		{"personality", []uint64{^uint64(0)}, nil, allow},
		{"personality", []uint64{0x40000}, nil, eperm}, // ADDR_NO_RANDOMIZE
		{"personality", []uint64{0x400008}, nil, eperm},

		{"clone", []uint64{uint64(unix.SIGCHLD)}, nil, allow},
		{"clone", []uint64{unix.CLONE_VM | unix.CLONE_THREAD}, nil, allow},
		{"clone", []uint64{unix.CLONE_NEWUSER}, nil, eperm},
		{"clone", []uint64{unix.CLONE_NEWNET | uint64(unix.SIGCHLD)}, nil, eperm},
		{"clone", []uint64{unix.CLONE_NEWCGROUP}, nil, eperm},
		{"clone", []uint64{unix.CLONE_NEWNS}, nil, eperm},
		{"clone", []uint64{unix.CLONE_NEWPID}, nil, eperm},
		{"clone", []uint64{unix.CLONE_NEWUTS}, nil, eperm},
		{"clone", []uint64{unix.CLONE_NEWIPC}, nil, eperm},
		{"clone", []uint64{unix.CLONE_NEWUSER}, admin, allow},
		{"clone3", nil, nil, enosys},
		{"clone3", nil, admin, allow},
		{"unshare", nil, nil, eperm},
		{"unshare", nil, admin, allow},
		{"setns", nil, nil, eperm},
		{"mount", nil, nil, eperm},
		{"mount", nil, admin, allow},
		{"pivot_root", nil, nil, eperm},
		{"pivot_root", nil, admin, allow},

		{"chroot", nil, nil, allow},
		{"chroot", nil, []string{"CAP_CHOWN"}, eperm},
		{"syslog", nil, []string{"CAP_SYSLOG"}, allow},
		{"bpf", nil, []string{"CAP_BPF"}, allow},
		{"bpf", nil, nil, eperm},
		{"open_by_handle_at", nil, nil, eperm},
		{"mount", nil, []string{"SYS_ADMIN"}, eperm},
	} {
		caps := test.caps
		if caps == nil {
			caps = defaultCaps
		}
		for i := range machines {
			m := &machines[i]
			compiled, err := compile(Default(caps), m)
			if err != nil {
				t.Fatal(err)
			}
			// The second may be the prebuilt one.
			for _, filter := range [][]unix.SockFilter{compiled, mustCompile(t, Default(caps), m.goarch)} {
				got := run(filter, call(t, m.goarch, test.name, test.args...))
				if got != test.want {
					t.Errorf("%s: %s(%#x) with %v: %s, want %s", m.goarch, test.name, test.args, caps,
						verdict(got), verdict(test.want))
				}
			}
		}
	}
}

// TestKernelSurfaceCVE202631431 is the class of bugs in kernel interfaces that a container has no
// use for: AF_ALG (CVE-2026-31431) and AF_VSOCK stay shut whatever the unread halves of the
// registers hold, and whatever the other arguments are.
func TestKernelSurfaceCVE202631431(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	everything := make([]string, 0, len(gated))
	for _, g := range gated {
		everything = append(everything, g.capability)
	}
	for _, caps := range [][]string{nil, defaultCaps, everything} {
		for _, m := range machines {
			filter := mustCompile(t, Default(caps), m.goarch)
			for _, family := range []uint64{38, 40} {
				for _, high := range []uint64{0, 1 << 32, 1 << 63, 0xffffffff << 32, r.Uint64() << 32} {
					d := call(t, m.goarch, "socket", high|family, r.Uint64(), r.Uint64())
					if got := run(filter, d); got != eperm {
						t.Errorf("%s: socket(%#x): %s", m.goarch, high|family, verdict(got))
					}
				}
			}
			if m.goarch == "amd64" {
				// Nor by another ABI's table: socketcall is 102 on i386, socket 359 there and
				// 41 on x32.
				for _, number := range []uint32{102, 359} {
					got := run(filter, data{number: number, arch: unix.AUDIT_ARCH_I386})
					if got != unix.SECCOMP_RET_KILL_PROCESS {
						t.Errorf("i386 call %d: %s", number, verdict(got))
					}
				}
				got := run(filter, data{number: x32Bit | 41, arch: m.audit, args: [6]uint64{2}})
				if got != enosys {
					t.Errorf("x32 socket: %s", verdict(got))
				}
			}
		}
	}
}

func TestForeignArchitecturesAreRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	foreign := []uint32{
		unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_X86_64,
		unix.AUDIT_ARCH_RISCV64, 0, ^uint32(0), r.Uint32(),
	}
	lenient := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	for _, p := range []*specs.LinuxSeccomp{Default(defaultCaps), lenient} {
		for _, m := range machines {
			filter := mustCompile(t, p, m.goarch)
			for _, arch := range foreign {
				if arch == m.audit {
					continue
				}
				for number := range uint32(lastNumber) {
					got := run(filter, data{number: number, arch: arch})
					if got != unix.SECCOMP_RET_KILL_PROCESS {
						t.Fatalf("%s filter, arch %#x, call %d: %s", m.goarch, arch, number, verdict(got))
					}
				}
			}
		}
	}
}

// TestDefaultProfile checks what other readers of the profile rely on.
func TestDefaultProfile(t *testing.T) {
	p := Default(defaultCaps)
	if m, _ := machineOf(runtime.GOARCH); !slices.Equal(p.Architectures, []specs.Arch{m.oci}) {
		t.Errorf("architectures: %v", p.Architectures)
	}
	for _, s := range p.Syscalls {
		for _, name := range s.Names {
			if find(name, -1) < 0 {
				t.Errorf("no architecture has a call %q", name)
			}
		}
		if len(s.Args) > 1 {
			t.Errorf("%v has several conditions: other runtimes may read them otherwise", s.Names)
		}
		if cap(s.Names) != len(s.Names) || cap(s.Args) != len(s.Args) {
			t.Errorf("%v: appending to one rule would write into the next", s.Names)
		}
	}
	if !slices.IsSorted(allowed[:]) {
		t.Error("the table of allowed calls is not sorted")
	}
	p.Syscalls[0].Names[0] = "mount" // the caller's to change
	if again := Default(defaultCaps); again.Syscalls[0].Names[0] != "accept" {
		t.Error("profiles share memory")
	}
}

// TestDefaultIsShort holds the length that the attach time was measured with (less than 0.1 ms).
func TestDefaultIsShort(t *testing.T) {
	for _, m := range machines {
		filter := mustCompile(t, Default(defaultCaps), m.goarch)
		if len(filter) > 75 {
			t.Errorf("%s: %d instructions", m.goarch, len(filter))
		}
	}
}
