package userns

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// These tests use the kernel: as root they make users, run this test binary
// again as one of them, and look at what came of it from outside.

const actEnv = "USERNS_TEST_ACT"

func TestMain(m *testing.M) {
	if act := os.Getenv(actEnv); act != "" {
		os.Exit(actor(act))
	}
	os.Exit(m.Run())
}

// report is what an actor tells its test.
type report struct {
	Grant  Grant
	UIDs   string
	GIDs   string
	Groups string // /proc/PID/setgroups
	Before bool   // MapsEqual before the maps were written
	After  bool
	Own    bool // MapsEqual of the actor itself
	Child  bool // MapsEqual of a namespace one deeper that shows the same map
	Err    string
}

// actor does what an unprivileged user would do and prints a report.
func actor(act string) int {
	var r report
	var err error
	if r.Grant, err = Lookup(context.Background()); err == nil {
		if act == "single" {
			r.Grant = r.Grant.AsSingle()
		}
		if act != "lookup" {
			err = r.act()
		}
	}
	if err != nil {
		r.Err = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (r *report) act() error {
	child, err := startChild("cat")
	if err != nil {
		return err
	}
	defer child.end()
	r.Before = r.Grant.MapsEqual(child.pid)
	if err := r.Grant.WriteMaps(context.Background(), child.pid); err != nil {
		return err
	}
	r.UIDs, r.GIDs, r.Groups = child.file("uid_map"), child.file("gid_map"), child.file("setgroups")
	r.After = r.Grant.MapsEqual(child.pid)
	r.Own = r.Grant.MapsEqual(os.Getpid())
	if r.Grant.Single && !r.Grant.Direct {
		r.Child, err = deeper(r.Grant)
	}
	return err
}

// deeper makes a base namespace and in it another that maps its root to root:
// seen from here it shows the same numbers as the base namespace.
func deeper(g Grant) (bool, error) {
	child, err := startChild("sh", "-c", "read line && exec unshare -r cat")
	if err != nil {
		return false, err
	}
	defer child.end()
	if err := g.WriteMaps(context.Background(), child.pid); err != nil {
		return false, err
	}
	// The shell takes the first line; cat, in the deeper namespace, the second.
	if _, err := io.WriteString(child.in, "go\nhere\n"); err != nil {
		return false, err
	}
	if line, err := bufio.NewReader(child.out).ReadString('\n'); err != nil || line != "here\n" {
		return false, fmt.Errorf("unshare in the child: %q, %w", line, err)
	}
	if got, want := child.file("uid_map"), g.UIDs.String(); got != want {
		return false, fmt.Errorf("the deeper map is %s, not %s", got, want)
	}
	return g.MapsEqual(child.pid), nil
}

// blocked is a process in a new user namespace without maps that waits for its
// standard input.
type blocked struct {
	pid int
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.ReadCloser
}

func startChild(argv ...string) (*blocked, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &blocked{cmd.Process.Pid, cmd, in, out}, nil
}

func (b *blocked) end() {
	b.in.Close()
	b.out.Close()
	_ = b.cmd.Wait() // SIGPIPE or not, it is over
}

// file returns a file of the process in /proc, a map in the form of
// [IDMap.String].
func (b *blocked) file(name string) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(b.pid) + "/" + name)
	if err != nil {
		return err.Error()
	}
	if m, err := ParseIDMap(text); err == nil {
		return m.String()
	}
	return strings.TrimSpace(string(text))
}

// needRoot skips what cannot be tried here.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("root: it makes users")
	}
	for _, program := range []string{"useradd", "userdel", "unshare", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("program %s: %v", program, err)
		}
	}
}

// addUser makes a user for the length of a test.
func addUser(t *testing.T, name string, args ...string) *osuser.User {
	t.Helper()
	remove := func() ([]byte, error) { return exec.Command("userdel", name).CombinedOutput() }
	if _, err := osuser.Lookup(name); err == nil {
		_, _ = remove() // left by a test that was killed
	}
	out, err := exec.Command("useradd", append(args, "--no-create-home", name)...).CombinedOutput()
	if err != nil {
		t.Fatalf("cannot make a user: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := remove(); err != nil {
			t.Errorf("userdel: %v: %s", err, out)
		}
	})
	u, err := osuser.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// selfCopy is this test binary where everybody may run it.
func selfCopy(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "userns-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "actor")
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// runAs runs an actor as a user, or as this one when u is nil, by way of a
// command line if there is one.
func runAs(t *testing.T, u *osuser.User, act string, by ...string) report {
	t.Helper()
	argv := append(by, selfCopy(t))
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{actEnv + "=" + act, "PATH=" + os.Getenv("PATH"), "USER=root"}
	cmd.Stderr = os.Stderr
	if u != nil {
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", act, err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}
