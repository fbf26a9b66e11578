package storage

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Some tests need to be mapped root in a user namespace over many ids, with an
// own mount namespace, as the program's supervisor is. The test binary runs one
// test of itself there again: see inBase.

const inBaseEnv = "CORACLE_TEST_IN_BASE"

// A made-up user and its subordinate ids: only numbers, nobody needs to exist.
const (
	testUser    = 54321
	testSubIDs  = 200000
	testSubSize = 65536
)

// inBase reports whether the test already runs in the base namespace. If not, it
// runs the test there and reports false: the caller returns.
//
//	if !inBase(t) { return }
func inBase(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inBaseEnv) != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.run=^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$", "-test.v"}
	var cmd *exec.Cmd
	if os.Geteuid() == 0 {
		// By descriptor: go test builds in a directory closed to others.
		program, err := os.Open(self)
		must(t, err)
		defer program.Close()
		cmd = exec.Command("/proc/self/fd/3", args...)
		cmd.ExtraFiles = []*os.File{program}
		cmd.SysProcAttr = baseAttr()
	} else {
		unshare, err := exec.LookPath("unshare")
		if err != nil {
			t.Skip("program unshare: needs --map-auto (util-linux 2.38)")
		}
		cmd = exec.Command(unshare, append([]string{"--user", "--mount", "--map-root-user", "--map-auto", self}, args...)...)
	}
	dir, err := os.MkdirTemp("", "coracle-base") // not t.TempDir: its parent is closed to others
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, testUser, testUser); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Env = append(os.Environ(), inBaseEnv+"="+dir, "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if os.Geteuid() != 0 && strings.Contains(string(out), "unshare: ") {
		t.Fatalf("no user namespace: %s", out)
	}
	if err != nil {
		t.Errorf("in the base namespace: %v\n%s", err, out)
	}
	if testing.Verbose() {
		fmt.Printf("%s", out)
	}
	return false
}

func baseAttr() *syscall.SysProcAttr {
	ids := []syscall.SysProcIDMap{
		{ContainerID: 0, HostID: testUser, Size: 1},
		{ContainerID: 1, HostID: testSubIDs, Size: testSubSize},
	}
	return &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings:                ids,
		GidMappings:                ids,
		GidMappingsEnableSetgroups: true,
		Credential:                 &syscall.Credential{Uid: 0, Gid: 0},
	}
}

// must stops the test when a step of its preparation fails.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
