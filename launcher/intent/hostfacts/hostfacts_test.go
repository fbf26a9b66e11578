package hostfacts

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"coracle/launcher/intent"
)

func gather(t testing.TB, o intent.Options) *intent.HostFacts {
	t.Helper()
	h, err := Gather(&o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestGather(t *testing.T) {
	adj := 0
	h := gather(t, intent.Options{OOMScoreAdj: &adj, TimeOffset: []string{"boottime=1"}})
	wd, _ := os.Getwd()
	name, _ := os.Hostname()
	if h.Cwd != wd || h.Hostname != name {
		t.Errorf("%q %q", h.Cwd, h.Hostname)
	}
	if data, err := os.ReadFile("/proc/sys/kernel/cap_last_cap"); err == nil {
		if want, _ := strconv.Atoi(strings.TrimSpace(string(data))); h.LastCap != want {
			t.Errorf("last capability %d, the kernel says %d", h.LastCap, want)
		}
	}
	if data, err := os.ReadFile("/proc/self/oom_score_adj"); err == nil {
		if want, _ := strconv.Atoi(strings.TrimSpace(string(data))); h.OOMScoreAdj != want {
			t.Errorf("oom_score_adj %d, want %d", h.OOMScoreAdj, want)
		}
	}
	if _, err := os.Stat("/proc/self/ns/time"); (err == nil) != h.TimeNS {
		t.Errorf("time namespaces: %v", h.TimeNS)
	}
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || h.Rlimits["nofile"] != (intent.Rlimit{Soft: lim.Cur, Hard: lim.Max}) {
		t.Errorf("nofile %+v, want %+v", h.Rlimits["nofile"], lim)
	}
	for _, n := range strings.Fields("as core cpu data fsize locks memlock msgqueue nice nproc rss rtprio rttime sigpending stack") {
		if _, ok := h.Rlimits[n]; !ok {
			t.Errorf("no limit %s", n)
		}
	}
	for _, p := range h.Thermal() {
		if !strings.HasSuffix(p, "/thermal_throttle") {
			t.Error(p)
		}
	}
}

// A spec of this host, whatever it is.
func TestBuildOnThisHost(t *testing.T) {
	dir := t.TempDir()
	o := intent.Defaults()
	o.Argv, o.Privileged, o.Network, o.Volume = []string{"x", "true"}, true, []string{"host"}, []string{dir + ":/d"}
	s, _, err := intent.Build(intent.Input{Options: &o, ID: strings.Repeat("0", 64), Host: gather(t, o)})
	if err != nil || len(s.Mounts) < 6 {
		t.Errorf("%v %v", s, err)
	}
}

func TestReadFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(name, 5); string(data) != "12345" || err != nil {
		t.Errorf("%q %v", data, err)
	}
	for _, bad := range []string{name, name + "x", filepath.Dir(name), "/dev/zero"} {
		if _, err := ReadFile(bad, 4); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

func TestReadFileOfAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString("A=1\n")
	w.Close()
	data, err := ReadFile("/proc/self/fd/"+strconv.Itoa(int(r.Fd())), 100)
	if string(data) != "A=1\n" || err != nil {
		t.Errorf("%q %v", data, err)
	}
}

// The flags are those mountinfo shows.
func TestStat(t *testing.T) {
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	mounts := map[string]string{}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		mounts[f[1]] = "," + f[3] + "," // of several at one place the last is seen
	}
	for dir, opts := range mounts {
		st, err := Stat(dir)
		if err != nil {
			continue // autofs, or not ours to see
		}
		for flag, got := range map[string]bool{"noexec": st.NoExec, "nosuid": st.NoSUID, "nodev": st.NoDev} {
			if want := strings.Contains(opts, ","+flag+","); got != want {
				t.Errorf("%s: %s is %v, want %v", dir, flag, got, want)
			}
		}
	}
	if st, err := Stat("/dev/null"); err != nil || st.Mode&os.ModeCharDevice == 0 {
		t.Errorf("/dev/null: %+v %v", st, err)
	}
	if _, err := Stat("/nonexistent"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestDevices(t *testing.T) {
	list, err := Devices("/dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		fi, err := os.Lstat(d)
		if err != nil || fi.Mode()&os.ModeDevice == 0 {
			t.Errorf("%s: %v %v", d, fi, err)
		}
		if strings.Contains(ownNodes, " "+d+" ") || strings.HasPrefix(d, "/dev/pts/") {
			t.Errorf("%s is every container's own", d)
		}
	}
	if _, err := Devices("/nonexistent"); err == nil {
		t.Error("a missing directory has devices")
	}
	if list, err := Devices(t.TempDir()); len(list) != 0 || err != nil {
		t.Errorf("%v %v", list, err)
	}
}

func BenchmarkGather(b *testing.B) {
	o := intent.Defaults()
	for b.Loop() {
		gather(b, o).Thermal()
	}
}

// The facts that a network asks for agree with what the host does.
func TestNetworkFacts(t *testing.T) {
	h := gather(t, intent.Options{})
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	if got := h.TUN(); (got == nil) != (err == nil) {
		t.Errorf("/dev/net/tun: %v, but opening it: %v", got, err)
	}
	t.Setenv("PATH", t.TempDir())
	if path, err := h.LookPath("no-such-program"); err == nil {
		t.Error(path)
	}
	if _, err := os.Stat("/usr/sbin/chroot"); err == nil {
		if path, err := h.LookPath("chroot"); err != nil || !strings.HasSuffix(path, "sbin/chroot") {
			t.Errorf("%q %v", path, err)
		}
	}
}
