package launcher

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
)

// hostFacts collects what a launch depends on besides the command line and the
// image: cheap facts at once, dear ones when an option asks.
func hostFacts() *intent.HostFacts {
	cwd, _ := os.Getwd()
	host, _ := os.Hostname()
	h := &intent.HostFacts{
		Cwd: cwd, Hostname: host,
		LastCap:     readInt("/proc/sys/kernel/cap_last_cap", 40),
		Cgroup2:     fsType("/sys/fs/cgroup") == unix.CGROUP2_SUPER_MAGIC,
		TimeNS:      exists("/proc/self/ns/time_for_children"),
		SELinux:     exists("/sys/fs/selinux/enforce"),
		OOMScoreAdj: readInt("/proc/self/oom_score_adj", 0),
		Rlimits:     rlimits(),
		LookupEnv:   os.LookupEnv,
		Environ:     os.Environ,
		ReadFile:    readBounded,
		Stat:        statPath,
		Devices:     openDevices,
		Thermal: func() []string {
			paths, _ := filepath.Glob("/sys/devices/system/cpu/cpu*/thermal_throttle")
			return paths
		},
	}
	if ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
		h.Terminal = &specs.Box{Height: uint(ws.Row), Width: uint(ws.Col)}
	}
	return h
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }

func fsType(path string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return 0
	}
	return int64(st.Type)
}

func readInt(path string, otherwise int) int {
	b, err := readBounded(path, 64)
	if err != nil {
		return otherwise
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return otherwise
	}
	return n
}

// readBounded reads a file or pipe of at most limit bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, err
}

func rlimits() map[string]intent.Rlimit {
	m := make(map[string]intent.Rlimit)
	for name, n := range map[string]int{
		"cpu": unix.RLIMIT_CPU, "fsize": unix.RLIMIT_FSIZE, "data": unix.RLIMIT_DATA, "stack": unix.RLIMIT_STACK,
		"core": unix.RLIMIT_CORE, "rss": unix.RLIMIT_RSS, "nproc": unix.RLIMIT_NPROC, "nofile": unix.RLIMIT_NOFILE,
		"memlock": unix.RLIMIT_MEMLOCK, "as": unix.RLIMIT_AS, "locks": unix.RLIMIT_LOCKS,
		"sigpending": unix.RLIMIT_SIGPENDING, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE,
		"rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
	} {
		var r unix.Rlimit
		if unix.Getrlimit(n, &r) == nil {
			m[name] = intent.Rlimit{Soft: r.Cur, Hard: r.Max}
		}
	}
	return m
}

func statPath(name string) (intent.Stat, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return intent.Stat{}, err
	}
	s := intent.Stat{Mode: fi.Mode()}
	var fst unix.Statfs_t
	if unix.Statfs(name, &fst) == nil {
		s.NoExec, s.NoSUID, s.NoDev = fst.Flags&unix.ST_NOEXEC != 0, fst.Flags&unix.ST_NOSUID != 0, fst.Flags&unix.ST_NODEV != 0
	}
	return s, nil
}

// openDevices lists the device nodes below dir that this user may open.
func openDevices(dir string) (paths []string, err error) {
	skip := map[string]bool{"/dev/pts": true, "/dev/shm": true, "/dev/mqueue": true, "/dev/hugepages": true}
	has := map[string]bool{"/dev/null": true, "/dev/zero": true, "/dev/full": true, "/dev/random": true, "/dev/urandom": true, "/dev/tty": true, "/dev/console": true, "/dev/ptmx": true}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return fs.SkipDir
		case err != nil:
			return err
		case d.IsDir() && skip[path]:
			return fs.SkipDir
		case d.Type()&fs.ModeDevice != 0 && !has[path] && unix.Access(path, unix.R_OK|unix.W_OK) == nil:
			paths = append(paths, path)
		}
		return nil
	})
	slices.Sort(paths)
	return paths, err
}

// kernelPath tells what a path of procfs or sysfs is on this kernel.
func kernelPath(path string) (exists, dir bool) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return false, false
	}
	return true, st.Mode&unix.S_IFMT == unix.S_IFDIR
}
