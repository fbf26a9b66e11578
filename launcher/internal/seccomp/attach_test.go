package seccomp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// childEnv tells the test binary that it is the child of a test, and what to do.
const childEnv = "SECCOMP_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "default":
		attach(Default(defaultCaps))
		probe()
	case "foreign":
		attach(Default(defaultCaps))
		fmt.Println("foreign", callForeign())
	case "foreign-unfiltered":
		fmt.Println("foreign", callForeign())
	case "long":
		attach(longProfile(specs.ActAllow))
		fmt.Println("attached")
	}
	os.Exit(0)
}

// attach filters the whole process, as the launcher does before it starts a container's program.
func attach(p *specs.LinuxSeccomp) {
	filter, err := Compile(p, runtime.GOARCH)
	if err == nil {
		err = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // SIGSYS dumps core
	}
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err == nil {
		flags, _ := FilterFlags(p)
		program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
			uintptr(flags|unix.SECCOMP_FILTER_FLAG_TSYNC), uintptr(unsafe.Pointer(&program)))
		if e != 0 {
			err = e
		}
	}
	if err != nil {
		fmt.Println("cannot attach:", err)
		os.Exit(1)
	}
}

// probes are calls with arguments such that, if they got through, they would do nothing.
var probes = []struct {
	name   string
	number uintptr
	args   [3]uintptr
	want   syscall.Errno
}{
	{"getpid", unix.SYS_GETPID, [3]uintptr{}, 0},
	{"socket AF_UNIX", unix.SYS_SOCKET, [3]uintptr{unix.AF_UNIX, unix.SOCK_STREAM}, 0},
	{"socket AF_ALG", unix.SYS_SOCKET, [3]uintptr{38, unix.SOCK_SEQPACKET}, unix.EPERM},
	{"socket AF_ALG, high bit", unix.SYS_SOCKET, [3]uintptr{1<<32 | 38, unix.SOCK_SEQPACKET}, unix.EPERM},
	{"socket AF_VSOCK", unix.SYS_SOCKET, [3]uintptr{40, unix.SOCK_STREAM}, unix.EPERM},
	{"socket AF_VSOCK, high bit", unix.SYS_SOCKET, [3]uintptr{1<<63 | 40, unix.SOCK_STREAM}, unix.EPERM},
	{"ioctl TCGETS", unix.SYS_IOCTL, [3]uintptr{^uintptr(0), unix.TCGETS}, unix.EBADF},
	{"ioctl TIOCSTI", unix.SYS_IOCTL, [3]uintptr{^uintptr(0), unix.TIOCSTI}, unix.EPERM},
	{"ioctl TIOCSTI, high bit", unix.SYS_IOCTL, [3]uintptr{^uintptr(0), 1<<32 | unix.TIOCSTI}, unix.EPERM},
	{"ioctl TIOCLINUX", unix.SYS_IOCTL, [3]uintptr{^uintptr(0), unix.TIOCLINUX}, unix.EPERM},
	{"personality, ask", unix.SYS_PERSONALITY, [3]uintptr{0xffffffff}, 0},
	{"personality, set", unix.SYS_PERSONALITY, [3]uintptr{0x40000}, unix.EPERM},
	{"clone, user namespace", unix.SYS_CLONE, [3]uintptr{unix.CLONE_NEWUSER | unix.CLONE_THREAD}, unix.EPERM},
	{"unshare", unix.SYS_UNSHARE, [3]uintptr{0}, unix.EPERM},
	{"clone3", unix.SYS_CLONE3, [3]uintptr{0, 0}, unix.ENOSYS},
	{"keyctl", unix.SYS_KEYCTL, [3]uintptr{0xffff}, unix.EPERM},
	{"io_uring_setup", unix.SYS_IO_URING_SETUP, [3]uintptr{0, 0}, unix.EPERM},
	{"mount", unix.SYS_MOUNT, [3]uintptr{}, unix.EPERM},
	{"newer than the profile", unix.SYS_FILE_GETATTR, [3]uintptr{}, unix.ENOSYS},
	{"never to be", 9999, [3]uintptr{}, unix.ENOSYS},
	{"x32 getpid", x32Bit | 39, [3]uintptr{}, unix.ENOSYS},
}

// probe makes the calls in the child and prints what differs from what is expected.
func probe() {
	for _, p := range probes {
		if _, _, e := unix.RawSyscall(p.number, p.args[0], p.args[1], p.args[2]); e != p.want {
			fmt.Printf("%s: %q, want %q\n", p.name, e, p.want)
		}
	}
	fmt.Println("probed", len(probes))
}

// child runs the test binary to do one thing and returns what it printed and how it ended.
func child(t *testing.T, what string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	out, err := cmd.CombinedOutput()
	if strings.HasPrefix(string(out), "cannot attach: function not implemented") {
		t.Fatal("this kernel has no seccomp filters")
	}
	return string(out), err
}

// TestDefaultFilterInTheKernel attaches the default filter to a process and lets it try.
func TestDefaultFilterInTheKernel(t *testing.T) {
	out, err := child(t, "default")
	if want := fmt.Sprintf("probed %d\n", len(probes)); err != nil || out != want {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestForeignCallIsKilled makes an i386 call, by int 0x80, from a process with the default filter.
func TestForeignCallIsKilled(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("arch amd64: there is no way to make a 32-bit call from a Go program on", runtime.GOARCH)
	}
	if out, err := child(t, "foreign-unfiltered"); err != nil || strings.Contains(out, "-") {
		t.Skipf("i386: this kernel does not take i386 calls: %v %s", err, out)
	}
	out, err := child(t, "foreign")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS {
		t.Errorf("not killed by SIGSYS: %v\n%s", err, out)
	}
}

// TestKernelTakesLongFilters: the kernel's own check agrees with checkFilter on long jumps.
func TestKernelTakesLongFilters(t *testing.T) {
	if out, err := child(t, "long"); err != nil || out != "attached\n" {
		t.Errorf("%v\n%s", err, out)
	}
}
