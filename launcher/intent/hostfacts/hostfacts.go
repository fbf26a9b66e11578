// Package hostfacts asks this host and this process what package intent has to know. It changes nothing.
// What only some options need is asked when they are given or through the function fields, so that a plain
// run costs a handful of system calls.
package hostfacts

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Gather collects the facts for these options. It fails only when the working directory cannot be told.
func Gather(o *intent.Options) (*intent.HostFacts, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("cannot tell the working directory: %w", err)
	}
	h := &intent.HostFacts{
		Cwd: cwd, Hostname: hostname(), LastCap: lastCap(), Rlimits: rlimits(),
		Cgroup2: fsType("/sys/fs/cgroup") == unix.CGROUP2_SUPER_MAGIC,
		TUN:     tun, LookPath: lookPath, LookupEnv: os.LookupEnv, Environ: os.Environ,
		ReadFile: ReadFile, Stat: Stat, Devices: Devices, Thermal: thermal,
	}
	if o.TTY {
		if ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
			h.Terminal = &specs.Box{Height: uint(ws.Row), Width: uint(ws.Col)}
		}
	}
	if o.OOMScoreAdj != nil {
		data, _ := ReadFile("/proc/self/oom_score_adj", 16)
		h.OOMScoreAdj, _ = strconv.Atoi(strings.TrimSpace(string(data)))
	}
	if len(o.TimeOffset) > 0 {
		h.TimeNS = unix.Access("/proc/self/ns/time", unix.F_OK) == nil
	}
	if len(o.Volume)+len(o.Mount)+len(o.VolumesFrom) > 0 {
		h.SELinux = fsType("/sys/fs/selinux") == unix.SELINUX_MAGIC
	}
	return h, nil
}

// tun opens the device of networks, which costs a few microseconds, and makes nothing.
func tun() error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// lookPath finds a program, which may be one that only root has in the path.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if err == nil && filepath.IsAbs(path) {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, name))
	}
	return path, err
}

func hostname() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Nodename[:])
}

// lastCap finds the highest capability the kernel knows: reading a higher one from the bounding set is
// EINVAL, capabilities(7). No file has to be opened for it.
func lastCap() int {
	n := 40
	for n < 63 && capKnown(n+1) {
		n++
	}
	for n > 0 && !capKnown(n) {
		n--
	}
	return n
}

func capKnown(n int) bool {
	_, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
	return err == nil
}

func fsType(path string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return 0
	}
	return int64(st.Type)
}

// rlimits reads all limits. The soft limit of open files is what the Go runtime made of it at start, its
// hard limit; the one of the user's shell cannot be told any more.
func rlimits() map[string]intent.Rlimit {
	names := [...]string{unix.RLIMIT_CPU: "cpu", unix.RLIMIT_FSIZE: "fsize", unix.RLIMIT_DATA: "data", unix.RLIMIT_STACK: "stack",
		unix.RLIMIT_CORE: "core", unix.RLIMIT_RSS: "rss", unix.RLIMIT_NPROC: "nproc", unix.RLIMIT_NOFILE: "nofile",
		unix.RLIMIT_MEMLOCK: "memlock", unix.RLIMIT_AS: "as", unix.RLIMIT_LOCKS: "locks", unix.RLIMIT_SIGPENDING: "sigpending",
		unix.RLIMIT_MSGQUEUE: "msgqueue", unix.RLIMIT_NICE: "nice", unix.RLIMIT_RTPRIO: "rtprio", unix.RLIMIT_RTTIME: "rttime"}
	out := make(map[string]intent.Rlimit, len(names))
	for i, name := range names {
		var r unix.Rlimit
		if unix.Getrlimit(i, &r) == nil {
			out[name] = intent.Rlimit{Soft: r.Cur, Hard: r.Max}
		}
	}
	return out
}

// ReadFile reads at most limit bytes of a file or pipe and fails when there are more.
func ReadFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, nil
}

// Stat gives the mode of a path and the flags of its mount.
func Stat(name string) (intent.Stat, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return intent.Stat{}, err
	}
	st := intent.Stat{Mode: fi.Mode()}
	var fs unix.Statfs_t
	if unix.Statfs(name, &fs) == nil {
		st.NoExec = fs.Flags&unix.ST_NOEXEC != 0
		st.NoSUID = fs.Flags&unix.ST_NOSUID != 0
		st.NoDev = fs.Flags&unix.ST_NODEV != 0
	}
	return st, nil
}

// ownNodes are those that every container has for itself, and the file systems of their own below /dev.
const ownNodes = " /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/console /dev/ptmx /dev/pts /dev/shm /dev/mqueue "

// Devices lists the device nodes below a directory that the caller may read or write. Links are not
// followed, and what cannot be entered is left out.
func Devices(dir string) ([]string, error) {
	if _, err := os.ReadDir(dir); err != nil {
		return nil, err
	}
	var out []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() && strings.Contains(ownNodes, " "+p+" "):
			if d != nil && d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.Type()&os.ModeDevice == 0 || strings.Contains(ownNodes, " "+p+" "):
			return nil
		case unix.Access(p, unix.R_OK) == nil || unix.Access(p, unix.W_OK) == nil:
			out = append(out, p)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// thermal lists the thermal_throttle directories of the processors. Few machines have them, and on those
// the first processor does.
func thermal() []string {
	const cpu = "/sys/devices/system/cpu"
	if unix.Access(cpu+"/cpu0/thermal_throttle", unix.F_OK) != nil {
		return nil
	}
	out, _ := filepath.Glob(cpu + "/cpu[0-9]*/thermal_throttle")
	return out
}
