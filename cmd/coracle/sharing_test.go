package main_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// The scripts in testdata/share let podman, buildah and skopeo work on the store
// that coracle works on. They have the words of the scripts in testdata/script,
// [until], and
//
//	peer PROGRAM ARG…   as asuser, where /sys/fs/cgroup is cgroup2: podman and
//	                    crun refuse a hybrid hierarchy
//	same FILE FILE…     the files have the same lines, in whatever order
//
// The user's storage.conf says overlay: podman before version 5 takes vfs unless
// told. Podman's pause process is ended after the script.
func TestSharing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: mounts cgroup2 for podman")
	}
	for _, program := range []string{"podman", "buildah", "skopeo", "crun"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("program %s: %v", program, err)
		}
	}
	theSuite.install(t)
	t.Cleanup(func() { // after the scripts, which are parallel
		os.RemoveAll(theSuite.dir)
		theSuite.dir = ""
	})
	commands := map[string]func(*testscript.TestScript, bool, []string){"until": until, "same": same}
	maps.Copy(commands, scriptCommands())
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/share",
		Setup:               setupSharing,
		Condition:           condition,
		Cmds:                commands,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
	})
}

// sharingConf are the files below ~/.config/containers. Events and cgroups are
// kept from podman: there is no journal and no delegated cgroup.
func sharingConf() map[string]string {
	return map[string]string{
		"storage.conf":    "[storage]\ndriver = \"overlay\"\n",
		"containers.conf": "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n[containers]\nnetns = \"none\"\ncgroups = \"disabled\"\n",
		"policy.json":     `{"default":[{"type":"insecureAcceptAnything"}]}`,
	}
}

func setupSharing(env *testscript.Env) error {
	if err := setup(env); err != nil {
		return err
	}
	home := env.Getenv("HOME")
	conf := filepath.Join(home, ".config", "containers")
	if err := os.MkdirAll(conf, 0o755); err != nil {
		return err
	}
	for name, text := range sharingConf() {
		if err := os.WriteFile(filepath.Join(conf, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	uid, gid, name, err := parseIDs(env.Getenv(varIDs + "user"))
	if err != nil {
		return err
	}
	// Deferred functions run last in, first out: before the look for leaks.
	run := env.Getenv("XDG_RUNTIME_DIR")
	env.Defer(func() { endPause(run, uid) })
	return chown(filepath.Join(home, ".config"), &account{name: name, uid: uid, gid: gid})
}

// endPause ends podman's pause process, which keeps its user namespace.
func endPause(run string, uid int) {
	for _, file := range []string{"libpod/tmp/pause.pid", "libpod/pause.pid"} {
		text, err := os.ReadFile(filepath.Join(run, file))
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || pid < 2 {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok && p.uid == uint64(uid) {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
		unix.Close(fd)
	}
}

// mountCgroup2 gives this process a mount namespace where /sys/fs/cgroup is the
// unified hierarchy. Only root does anything; the kind's user is not root yet.
func mountCgroup2() error {
	if os.Geteuid() != 0 {
		return nil
	}
	var st unix.Statfs_t
	if unix.Statfs("/sys/fs/cgroup", &st) == nil && int64(st.Type) == unix.CGROUP2_SUPER_MAGIC {
		return nil
	}
	// CLONE_FS's sharing among threads is undone by unshare(2); the exec that
	// follows, on this thread, keeps its namespace.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("cannot mount cgroup2: %w", err)
	}
	return nil
}

// same is `same FILE FILE…`.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: same FILE FILE…")
	}
	var first map[string]int
	for i, name := range args {
		lines := map[string]int{}
		for line := range strings.Lines(ts.ReadFile(name)) {
			lines[strings.TrimSpace(line)]++
		}
		if i == 0 {
			first = lines
		} else if !maps.Equal(first, lines) {
			ts.Fatalf("%s and %s differ:\n%s\n%s", args[0], name, ts.ReadFile(args[0]), ts.ReadFile(name))
		}
	}
	if len(first) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
}
