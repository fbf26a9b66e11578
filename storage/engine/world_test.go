//go:build containers_image_openpgp

package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"coracle/storage/record"
)

// testUser owns the stores of these tests. Debian's useradd gives it sub-ids.
const testUser = "t-engine"

// addedUser says whether this run made the user and has to remove it.
var addedUser bool

func removeUser() error {
	if !addedUser {
		return nil
	}
	if out, err := exec.Command("userdel", testUser).CombinedOutput(); err != nil {
		return fmt.Errorf("userdel: %w\n%s", err, out)
	}
	return nil
}

// A world is an unprivileged user with an empty home directory, and what it
// takes to run programs as mapped root in the user's base user namespace.
type world struct {
	t        *testing.T
	uid, gid int
	maps     [2][]syscall.SysProcIDMap
	home     string
	env      []string // as os.Environ has it
	stderr   bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("root: it makes a user")
	}
	w := &world{t: t}
	u, err := user.Lookup(testUser)
	if err != nil {
		if out, err := exec.Command("useradd", "--no-create-home", testUser).CombinedOutput(); err != nil {
			t.Fatalf("useradd: %v\n%s", err, out)
		}
		addedUser = true
		if u, err = user.Lookup(testUser); err != nil {
			t.Fatal(err)
		}
	}
	w.uid, w.gid = atoi(t, u.Uid), atoi(t, u.Gid)
	w.maps[0] = idMap(t, "/etc/subuid", w.uid)
	w.maps[1] = idMap(t, "/etc/subgid", w.gid)
	// Not t.TempDir: other users cannot pass through it.
	if w.home, err = os.MkdirTemp("", testUser+"-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(w.home) })
	w.own(w.home)
	w.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "XDG_RUNTIME_DIR=" + w.dir("run")}
	return w
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// idMap is the base user namespace's: the user, then all its sub-ids.
func idMap(t *testing.T, file string, id int) []syscall.SysProcIDMap {
	t.Helper()
	m := []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if p := strings.Split(s.Text(), ":"); len(p) == 3 && p[0] == testUser {
			last := m[len(m)-1]
			m = append(m, syscall.SysProcIDMap{ContainerID: last.ContainerID + last.Size, HostID: atoi(t, p[1]), Size: atoi(t, p[2])})
		}
	}
	if len(m) == 1 {
		t.Fatalf("%s has no range for %s", file, testUser)
	}
	return m
}

func (w *world) own(path string) {
	w.t.Helper()
	if err := os.Chown(path, w.uid, w.gid); err != nil {
		w.t.Fatal(err)
	}
}

// dir makes a directory of the user's below its home.
func (w *world) dir(names ...string) string {
	w.t.Helper()
	path := w.home
	for _, n := range names {
		path = filepath.Join(path, n)
		if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
			w.t.Fatal(err)
		}
		w.own(path)
	}
	return path
}

// file makes a file of the user's below its home.
func (w *world) file(content string, names ...string) string {
	w.t.Helper()
	last := len(names) - 1
	path := filepath.Join(w.dir(names[:last]...), names[last])
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.own(path)
	return path
}

// inB starts a program as mapped root in the base user namespace, with a mount
// namespace that belongs to it.
func (w *world) inB(path string, args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: path, Args: args, Dir: w.home,
		Env: record.Environ(w.env, w.uid, w.gid),
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings:                w.maps[0],
			GidMappings:                w.maps[1],
			GidMappingsEnableSetgroups: true,
			Credential:                 &syscall.Credential{},
		},
	}
}

// asUser starts a program as the plain user.
func (w *world) asUser(name string, args ...string) *exec.Cmd {
	w.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		w.t.Skipf("program %s: %v", name, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Dir = append(w.env, "USER="+testUser, "LOGNAME="+testUser), w.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(w.uid), Gid: uint32(w.gid)}}
	return cmd
}

// run runs a command that must succeed and returns its output.
func run1(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// engineCmd is the engine, ready to start: the test program under its name.
func (w *world) engineCmd(verb string, req record.Request) *exec.Cmd {
	w.t.Helper()
	if req.Scratch == "" {
		req.Scratch = filepath.Join(w.home, ".local/share/coracle/scratch")
	}
	in, err := json.Marshal(req)
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := w.inB("/proc/self/exe", "coracle-engine", verb)
	cmd.Stdin = bytes.NewReader(in)
	if testing.CoverMode() != "" {
		cmd.Env = append(cmd.Env, "GOCOVERDIR="+w.dir("cover"))
	}
	w.stderr.Reset()
	cmd.Stderr = &w.stderr
	return cmd
}

// ask runs an engine command and reads its answer.
func (w *world) ask(cmd *exec.Cmd) (*record.Answer, error) {
	w.t.Helper()
	return w.begin(cmd)()
}

// begin starts an engine command; what it returns waits for the answer.
func (w *world) begin(cmd *exec.Cmd) func() (*record.Answer, error) {
	w.t.Helper()
	r, out, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{out}
	err = cmd.Start()
	out.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	return func() (*record.Answer, error) {
		w.t.Helper()
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil {
			w.t.Fatal(err)
		}
		werr := cmd.Wait()
		answer, err := record.ReadAnswer(bytes.NewReader(data))
		if (werr == nil) != (err == nil) {
			w.t.Errorf("%q: exit %v, answer %v\n%s", cmd.Args, werr, err, &w.stderr)
		}
		return answer, err
	}
}

// resolve asks for an image.
func (w *world) resolve(req record.Request) (*record.Answer, error) {
	w.t.Helper()
	return w.ask(w.engineCmd("resolve", req))
}

// must resolves what has to be there.
func (w *world) must(req record.Request) *record.Record {
	w.t.Helper()
	a, err := w.resolve(req)
	if err != nil {
		w.t.Fatalf("resolve %q: %v\n%s", req.Ref, err, &w.stderr)
	}
	if why := a.Record.Stale(); why != "" {
		w.t.Errorf("resolve %q: the new record is stale: %s", req.Ref, why)
	}
	return a.Record
}

// list returns image ids and names, "id name name".
func (w *world) list() []string {
	w.t.Helper()
	a, err := w.ask(w.engineCmd("list", record.Request{}))
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, i := range a.Images {
		out = append(out, strings.Join(append([]string{i.ID}, i.Names...), " "))
	}
	return out
}

// leftovers are the files that a failed pull must not leave: layers, images,
// staging and scratch directories.
func (w *world) leftovers() []string {
	w.t.Helper()
	var all []string
	for _, pattern := range []string{
		".local/share/containers/storage/overlay/[0-9a-f]*", ".local/share/containers/storage/overlay/l/*",
		".local/share/containers/storage/overlay/tempdirs/*", ".local/share/containers/storage/overlay/staging/*",
		".local/share/containers/storage/overlay-images/[0-9a-f]*", ".local/share/containers/storage/overlay-layers/*.tar-split.gz",
		".local/share/coracle/scratch/pull-*", ".local/share/coracle/scratch/layers/*",
	} {
		names, err := filepath.Glob(filepath.Join(w.home, pattern))
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, names...)
	}
	return all
}
