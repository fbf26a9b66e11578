package doctor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// Probe is the child's side of a trial: it tries the steps of the probe that
// args[0] names, writes what came of each to standard output, and returns an
// exit status. args are the arguments after [ProbeName].
func Probe(args []string) int {
	// The steps change the thread's namespaces; all must run on one thread.
	runtime.LockOSThread()
	probes := map[string]func([]string){
		"calls":    probeCalls,
		"seccomp":  probeSeccomp,
		"unshare":  probeUnshare,
		"mounts":   probeMounts,
		"overlay":  probeOverlay,
		"native":   probeNative,
		"redirect": probeRedirect,
		"nothing":  func([]string) { report("started", nil, "") },
		"wait":     func([]string) { _, _ = io.Copy(io.Discard, os.Stdin) },
	}
	if len(args) == 0 || probes[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "coracle: unknown probe")
		return 2
	}
	probes[args[0]](args[1:])
	return 0
}

// report writes one step in the form parseSteps reads, and whether it worked.
func report(name string, err error, text string) bool {
	var n syscall.Errno
	switch {
	case err != nil && !errors.As(err, &n):
		n = unix.EIO
	case n != 0 && text == "":
		text = n.Error()
	}
	fmt.Printf("%s\t%d\t%s\n", name, int(n), strings.ReplaceAll(text, "\n", " "))
	return n == 0
}

// unsharing lists the namespaces in the order probeUnshare makes them.
func unsharing() []struct {
	name string
	flag int
} {
	return []struct {
		name string
		flag int
	}{
		{"mnt", unix.CLONE_NEWNS}, {"uts", unix.CLONE_NEWUTS}, {"ipc", unix.CLONE_NEWIPC},
		{"net", unix.CLONE_NEWNET}, {"pid", unix.CLONE_NEWPID}, {"cgroup", unix.CLONE_NEWCGROUP},
		{"time", unix.CLONE_NEWTIME},
	}
}

// probeUnshare makes every namespace, and uses the capabilities it should have
// by setting a host name and making a tun device.
func probeUnshare([]string) {
	for _, ns := range unsharing() {
		report(ns.name, unix.Unshare(ns.flag), "")
	}
	report("capability", unix.Sethostname([]byte("probe")), "")
	report("tun", makeTun(), "")
}

// makeTun makes a tun device in the current network namespace. The device
// goes when the descriptor is closed.
func makeTun() error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	req, err := unix.NewIfreq("probe0")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	// Not closed: that waits 16 ms for the device to go, and we exit now.
	return unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
}

// probeMounts mounts what a container needs of the kernel's own file systems.
// proc and sysfs are refused where the outer /proc or /sys is partly covered:
// mount_too_revealing in fs/namespace.c.
func probeMounts([]string) {
	if !report("private", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), "") {
		return
	}
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	// The new mounts go over /proc, the one directory that is surely there;
	// proc itself comes first, while what must not be revealed is in sight.
	report("proc", unix.Mount("proc", "/proc", "proc", safe, ""), "")
	report("sysfs", unix.Mount("sysfs", "/proc", "sysfs", safe|unix.MS_RDONLY, ""), "")
	report("mqueue", unix.Mount("mqueue", "/proc", "mqueue", safe, ""), "")
	report("devpts", unix.Mount("devpts", "/proc", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"), "")
	report("tmpfs", unix.Mount("tmpfs", "/proc", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"), "")
}

// probeOverlay mounts an overlay in the directory args[0], with the options a
// launch uses, and deletes a file of the lower layer, which makes a whiteout.
func probeOverlay(args []string) {
	if len(args) != 1 {
		return
	}
	err := os.Chdir(args[0])
	for _, dir := range []string{"lower", "upper", "work", "merged"} {
		if err == nil {
			err = os.Mkdir(dir, 0o755)
		}
	}
	if err == nil {
		err = os.WriteFile("lower/file", nil, 0o644)
	}
	if !report("directories", err, "") {
		return
	}
	if !report("mnt", unix.Unshare(newNS), "") ||
		!report("private", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), "") ||
		!report("mount", unix.Mount("overlay", "merged", "overlay", 0, "userxattr,volatile,lowerdir=lower,upperdir=upper,workdir=work"), "") {
		return
	}
	if !report("write", os.WriteFile("merged/new", nil, 0o644), "") ||
		!report("whiteout", os.Remove("merged/file"), "") {
		return
	}
	// Replacing a lower directory needs user.overlay.opaque on the upper one.
	err = os.Mkdir("merged/file", 0o755)
	report("opaque", err, "")
}

// probeNative and probeRedirect try in the directory args[0] what a launch
// remembers.
func probeNative(args []string) {
	if len(args) == 1 {
		err := storage.ProbeOverlay(args[0])
		report("native", err, text(err))
	}
}

func probeRedirect(args []string) {
	if len(args) != 1 {
		return
	}
	works, err := storage.ProbeRedirect(args[0])
	if err == nil && !works {
		err = unix.EOPNOTSUPP
	}
	report("redirect", err, text(err))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// probeCalls calls with arguments that are refused after the kernel has
// found the call, or that do nothing. It is a child because an outer seccomp
// filter may kill who asks.
func probeCalls([]string) {
	_, _, n := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	report("clone3", known(n), "")
	fd, err := unix.Openat2(unix.AT_FDCWD, ".", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if report("openat2", err, "") {
		unix.Close(fd)
	}
	_, _, n = unix.RawSyscall6(unix.SYS_MOUNT_SETATTR, ^uintptr(0), 0, 0, 0, 0, 0)
	report("mount_setattr", known(n), "")
	_, _, n = unix.RawSyscall(unix.SYS_OPEN_TREE, ^uintptr(0), 0, ^uintptr(0))
	report("open_tree", known(n), "")
	_, _, n = unix.RawSyscall6(unix.SYS_MOVE_MOUNT, ^uintptr(0), 0, ^uintptr(0), 0, ^uintptr(0), 0)
	report("move_mount", known(n), "")
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if report("pidfd_open", err, "") {
		unix.Close(pidfd)
	}
	report("close_range", unix.CloseRange(1<<30, 1<<30, 0), "")
	mem, err := unix.MemfdCreate("probe", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if report("memfd_create", err, "") {
		_, err = unix.FcntlInt(uintptr(mem), unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
		report("seals", err, "")
		unix.Close(mem)
	}
}

// known turns the errno of a call made with impossible arguments into nil
// when the kernel has the call. EPERM may be an outer filter's answer, but a
// user without CAP_SYS_ADMIN gets it from open_tree and move_mount as well,
// so it counts as known.
func known(n syscall.Errno) error {
	if n == unix.ENOSYS {
		return n
	}
	return nil
}

// probeSeccomp asks for the actions the default filter uses, then attaches a
// filter that allows everything.
func probeSeccomp([]string) {
	for _, a := range []struct {
		name   string
		action uint32
	}{
		{"errno", unix.SECCOMP_RET_ERRNO},
		{"kill_process", unix.SECCOMP_RET_KILL_PROCESS},
		{"log", unix.SECCOMP_RET_LOG},
		{"user_notif", unix.SECCOMP_RET_USER_NOTIF},
	} {
		report(a.name, actionAvailable(a.action), "")
	}
	report("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "")
	report("filter", allowAll(), "")
}
