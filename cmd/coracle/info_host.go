package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"coracle/userns"
)

// machine is where `info` gets the host's facts from.
type machine struct {
	readFile func(string) ([]byte, error)
	getenv   func(string) string
	release  string // uname -r
	machine  string // uname -m
	hostname string
	program  string
	time     time.Time
}

func realMachine() machine {
	m := machine{readFile: os.ReadFile, getenv: os.Getenv, time: time.Now()}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.release, m.machine, m.hostname = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]), unix.ByteSliceToString(u.Nodename[:])
	}
	m.program, _ = os.Executable()
	return m
}

func (m machine) host() infoHost {
	mem := keyed(m.text("/proc/meminfo"), ":")
	kib := func(key string) int64 {
		n, _ := strconv.ParseInt(strings.TrimSuffix(mem[key], " kB"), 10, 64)
		return n << 10
	}
	release := m.osRelease()
	_, apparmor := m.readFile("/sys/module/apparmor/parameters/enabled")
	return infoHost{
		Arch: runtime.GOARCH, OS: runtime.GOOS, CPUs: runtime.NumCPU(), Hostname: m.hostname, Kernel: m.release, Linkmode: "static",
		MemTotal: kib("MemTotal"), MemFree: kib("MemFree"), SwapTotal: kib("SwapTotal"), SwapFree: kib("SwapFree"), Uptime: m.uptime(),
		Distribution: infoDistribution{
			Codename: release["VERSION_CODENAME"], Distribution: release["ID"], Variant: release["VARIANT_ID"], Version: release["VERSION_ID"],
		},
		Security: infoSecurity{
			AppArmorEnabled: apparmor == nil, SECCOMPEnabled: strings.Contains(m.text("/proc/self/status"), "\nSeccomp:"),
			SELinuxEnabled: m.text("/sys/fs/selinux/enforce") != "", DefaultCapabilities: defaultCapabilities,
		},
	}
}

// defaultCapabilities are those of a container that asks for none: podman's.
const defaultCapabilities = "CAP_CHOWN,CAP_DAC_OVERRIDE,CAP_FOWNER,CAP_FSETID,CAP_KILL,CAP_NET_BIND_SERVICE,CAP_SETFCAP,CAP_SETGID,CAP_SETPCAP,CAP_SETUID,CAP_SYS_CHROOT"

func (m machine) text(path string) string {
	b, err := m.readFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

// keyed reads lines KEY SEPARATOR VALUE; values may stand in quotes.
func keyed(text, separator string) map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), separator); ok {
			all[k] = strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return all
}

func (m machine) osRelease() map[string]string {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if text := m.text(path); text != "" {
			return keyed(text, "=")
		}
	}
	return nil
}

func (m machine) prettyName() string {
	if name := m.osRelease()["PRETTY_NAME"]; name != "" {
		return name
	}
	return "linux"
}

// uptime is how long the host runs, in podman's words.
func (m machine) uptime() string {
	seconds, _, _ := strings.Cut(m.text("/proc/uptime"), ".")
	n, _ := strconv.Atoi(seconds)
	d := time.Duration(n) * time.Second
	return fmt.Sprintf("%dh %dm %d.00s", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// machineID is docker's ID: one that stays.
func (m machine) machineID() string { return strings.TrimSpace(m.text("/etc/machine-id")) }

func (m machine) now() string { return m.time.Format(time.RFC3339Nano) }

// space is the size of the file system of dir, which may not be there yet, and how
// much of it is used, in bytes.
func (m machine) space(dir string) (size, used uint64) {
	var st unix.Statfs_t
	for ; unix.Statfs(dir, &st) != nil; dir = filepath.Dir(dir) {
		if dir == filepath.Dir(dir) {
			return 0, 0
		}
	}
	return st.Blocks * uint64(st.Bsize), (st.Blocks - st.Bfree) * uint64(st.Bsize)
}

// images counts the images of the store. The engine knows more of them; for a
// number it need not be started.
func (m machine) images(store string) int {
	b, err := m.readFile(filepath.Join(store, "overlay-images/images.json"))
	var all []struct{}
	if err != nil || json.Unmarshal(b, &all) != nil {
		return 0
	}
	return len(all)
}

// storageConf is the storage.conf that counts first for the user.
func (m machine) storageConf(g userns.Grant) string {
	if path := m.getenv("CONTAINERS_STORAGE_CONF"); path != "" {
		return path
	}
	if g.UID == 0 {
		return "/etc/containers/storage.conf"
	}
	if config := m.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return filepath.Join(config, "containers/storage.conf")
	}
	return filepath.Join(m.getenv("HOME"), ".config/containers/storage.conf")
}
