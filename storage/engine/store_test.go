//go:build containers_image_openpgp

package engine

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"golang.org/x/sys/unix"
)

// layoutIn makes an image in the world's home, for tests that need any.
func layoutIn(w *world, dir string, i testImage, name string) string {
	w.t.Helper()
	l := newLayout(w.t, filepath.Join(w.home, dir))
	l.add(l.image(i), name)
	return "oci:" + dir
}

// TestFromMemfd runs the engine the way the light program does: from a sealed
// memfd, with a clean environment.
func TestFromMemfd(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", twoLayers(), "app")
	fd, err := unix.MemfdCreate("coracle-engine", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	mem := os.NewFile(uintptr(fd), "memfd")
	defer mem.Close()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	if _, err := io.Copy(mem, self); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(mem.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		t.Fatal(err)
	}
	cmd := w.engineCmd("resolve", record.Request{Ref: ref})
	cmd.Path = "/proc/self/fd/" + itoa(fd)
	cmd.Env = record.Environ([]string{"HOME=" + w.home, "XDG_RUNTIME_DIR=" + filepath.Join(w.home, "run")}, w.uid, w.gid)
	a, err := w.ask(cmd)
	if err != nil {
		t.Fatalf("%v\n%s", err, &w.stderr)
	}
	checkTree(t, w, a.Record)
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// TestNamespaces starts the engine with less than it needs.
func TestNamespaces(t *testing.T) {
	w := newWorld(t)
	for name, flags := range map[string]uintptr{"no mount namespace": syscall.CLONE_NEWUSER} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			cmd := w.engineCmd("resolve", record.Request{Ref: "x"})
			cmd.SysProcAttr.Cloneflags = flags
			_, err := w.ask(cmd)
			if err == nil || !strings.Contains(err.Error(), "namespace of its own") {
				t.Errorf("%v", err)
			}
		})
	}
	w.t = t
	if _, err := os.Stat(filepath.Join(w.home, ".local")); err == nil {
		t.Error("the store was touched")
	}
}

func TestVerbs(t *testing.T) {
	w := newWorld(t)
	for _, verb := range []string{"", "remove"} {
		if _, err := w.ask(w.engineCmd(verb, record.Request{})); err == nil {
			t.Errorf("verb %q is known", verb)
		}
	}
	cmd := w.engineCmd("resolve", record.Request{})
	cmd.Stdin = strings.NewReader("{")
	if _, err := w.ask(cmd); err == nil {
		t.Error("half a request is understood")
	}
}

// TestSingleID imports with one mapped id: every file becomes the user's.
func TestSingleID(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", twoLayers(), "app")
	cmd := w.engineCmd("resolve", record.Request{Ref: ref})
	cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = w.maps[0][:1], w.maps[1][:1]
	cmd.SysProcAttr.GidMappingsEnableSetgroups = false
	cmd.SysProcAttr.Credential.NoSetGroups = true
	a, err := w.ask(cmd)
	if err != nil {
		t.Fatalf("%v\n%s", err, &w.stderr)
	}
	if !slices.ContainsFunc(a.Notes, func(s string) bool { return strings.Contains(s, "one owner") }) {
		t.Errorf("notes %q", a.Notes)
	}
	var st unix.Stat_t
	if err := unix.Stat(a.Record.Layers[0].Diff+"/var/www/new", &st); err != nil || int(st.Uid) != w.uid {
		t.Errorf("owner %d, %v", st.Uid, err)
	}
}

// TestOtherDrivers are stores that this version does not speak.
func TestOtherDrivers(t *testing.T) {
	for name, tt := range map[string]struct{ file, content, says string }{
		"vfs":           {".config/containers/storage.conf", "[storage]\ndriver = \"vfs\"\n", "\"vfs\" driver"},
		"mount program": {".config/containers/storage.conf", "[storage]\ndriver = \"overlay\"\n[storage.options.overlay]\nmount_program = \"/usr/bin/fuse-overlayfs\"\n", "mount_program"},
		"was fuse":      {".local/share/containers/storage/overlay/.has-mount-program", "true", "fuse-overlayfs"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file(tt.content, strings.Split(tt.file, "/")...)
			w.t = t
			_, err := w.resolve(record.Request{Ref: "x"})
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "fix:") {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(filepath.Join(w.home, ".local/share/containers/storage/vfs")); err == nil {
				t.Error("a vfs store was made")
			}
		})
	}
}

// TestConfiguredStore puts the store elsewhere, then moves it back: the records
// of before are stale both times.
func TestConfiguredStore(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", small("a"), "app")
	r := w.must(record.Request{Ref: ref})
	conf := w.file("[storage]\ndriver = \"overlay\"\ngraphroot = \""+w.dir("elsewhere")+"\"\n", ".config", "containers", "storage.conf")
	if r.Stale() == "" {
		t.Error("a new storage.conf goes unseen")
	}
	r = w.must(record.Request{Ref: ref})
	if r.Dir != filepath.Join(w.home, "elsewhere", "overlay") {
		t.Errorf("store %s", r.Dir)
	}
	if err := os.Remove(conf); err != nil {
		t.Fatal(err)
	}
	if r.Stale() == "" {
		t.Error("a removed storage.conf goes unseen")
	}
	w.file("[storage]\ngraphroot = \"/var/lib/containers/storage\"\n", ".config", "containers", "storage.conf")
	if r := w.must(record.Request{Ref: ref}); r.Dir != filepath.Join(w.home, ".local/share/containers/storage/overlay") {
		t.Errorf("store %s", r.Dir)
	}
	w.file("[storage]\ngraphroot = \"/var/lib/containers/storage\"\nrootless_storage_path = \"$HOME/mine-$UID\"\n", "system.conf")
	w.env = append(w.env, "CONTAINERS_STORAGE_CONF="+filepath.Join(w.home, "system.conf"))
	if r := w.must(record.Request{Ref: ref}); r.Dir != filepath.Join(w.home, "mine-"+itoa(w.uid), "overlay") {
		t.Errorf("store %s", r.Dir)
	}
}

// TestKilled kills the engine while it unpacks: the next one cleans up, and the
// image is imported whole.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it imports a large layer")
	}
	w := newWorld(t)
	i := twoLayers()
	for n := range 60 { // enough files that unpacking takes a while
		for _, h := range i.layers[0][:2] {
			h.Name = strings.Repeat("d", n+1) + "/" + h.Name
			i.layers[0] = append(i.layers[0], h)
		}
	}
	ref := layoutIn(w, "img", i, "app")
	for n := range 10 {
		cmd := w.engineCmd("resolve", record.Request{Ref: ref})
		out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = []*os.File{out}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(w, n%5)
		cmd.Process.Kill()
		cmd.Wait()
		out.Close()
	}
	r := w.must(record.Request{Ref: ref})
	checkTree(t, w, r)
	want := []string{r.Layers[0].Diff, r.Layers[1].Diff}
	for i := range want {
		want[i] = filepath.Dir(want[i])
	}
	got, _ := filepath.Glob(filepath.Join(r.Dir, "[0-9a-f]*"))
	got = slices.DeleteFunc(got, func(s string) bool { // the driver's own test of overlay, killed
		return strings.HasPrefix(filepath.Base(s), "compat")
	})
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("layers %q, want %q", got, want)
	}
	for _, pattern := range []string{".local/share/coracle/scratch/pull-*", ".local/share/coracle/scratch/layers/*", staged} {
		if left, _ := filepath.Glob(filepath.Join(w.home, pattern)); left != nil {
			t.Errorf("left behind %q", left)
		}
	}
}

// staged are the layers that are being unpacked.
const staged = ".local/share/containers/storage/overlay/staging/*"

// waitFor returns when the engine has come so far: nothing yet, its scratch
// directory, the holds of its layers, files of one, a layer in the store.
func waitFor(w *world, stage int) {
	pattern := []string{
		"", ".local/share/coracle/scratch/pull-*", ".local/share/coracle/scratch/layers/*", staged + "/dir/*",
		".local/share/containers/storage/overlay/[0-9a-f]*/diff/*",
	}[stage]
	for range 1000 {
		if names, _ := filepath.Glob(filepath.Join(w.home, pattern)); names != nil {
			return
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	}
}

// TestInterrupted stops a pull by a signal.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", twoLayers(), "app")
	cmd := w.engineCmd("resolve", record.Request{Ref: ref})
	wait := w.begin(cmd)
	waitFor(w, 1)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := wait(); err == nil {
		t.Log("it was faster than the signal")
		return
	} else if !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("%v", err)
	}
	if left := w.leftovers(); left != nil {
		t.Errorf("left behind %q", left)
	}
}

// TestTogether imports one image many times at once.
func TestTogether(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", twoLayers(), "app")
	var waits []func() (*record.Answer, error)
	for range 4 {
		cmd := w.engineCmd("resolve", record.Request{Ref: ref})
		cmd.Stderr = nil
		waits = append(waits, w.begin(cmd))
	}
	var last *record.Record
	for _, wait := range waits {
		a, err := wait()
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && last.ID != a.Record.ID {
			t.Errorf("ids %s and %s", last.ID, a.Record.ID)
		}
		last = a.Record
	}
	checkTree(t, w, last)
	if left, _ := filepath.Glob(filepath.Join(w.home, ".local/share/coracle/scratch/pull-*")); left != nil {
		t.Errorf("scratch %q", left)
	}
}

// TestRealRoot runs with root's map: the identity, in two extents.
func TestRealRoot(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", twoLayers(), "app")
	w.uid, w.gid = 0, 0
	identity := []syscall.SysProcIDMap{{Size: 1}, {ContainerID: 1, HostID: 1, Size: 1<<32 - 2}}
	w.maps = [2][]syscall.SysProcIDMap{identity, identity}
	w.env = append(w.env, "STORAGE_DRIVER=vfs")
	if _, err := w.resolve(record.Request{Ref: ref}); err == nil || !strings.Contains(err.Error(), "/var/lib/coracle/storage") {
		t.Errorf("root's store: %v", err) // known by an error that comes before the store is touched
	}
	conf := w.file("[storage]\ndriver = \"overlay\"\ngraphroot = \""+w.dir("graph")+"\"\nrunroot = \""+w.dir("runroot")+"\"\n", "root.conf")
	w.env = append(w.env[:len(w.env)-1], "CONTAINERS_STORAGE_CONF="+conf)
	r := w.must(record.Request{Ref: ref})
	if r.Dir != filepath.Join(w.home, "graph", "overlay") {
		t.Errorf("store %s", r.Dir)
	}
	checkTree(t, w, r)
}

// TestPolicy has images refused, accepted and unjudged.
func TestPolicy(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", small("a"), "app")
	tarDir(t, filepath.Join(w.home, "img.tar"), filepath.Join(w.home, "img"))
	w.file(`{"default":[{"type":"reject"}],"transports":{"oci-archive":{"":[{"type":"insecureAcceptAnything"}]}}}`, ".config", "containers", "policy.json")
	w.fails(record.Request{Ref: ref}, record.ErrPolicy, "policy")
	w.must(record.Request{Ref: "oci-archive:img.tar"})
	w.file("{", ".config", "containers", "policy.json")
	if _, err := w.resolve(record.Request{Ref: ref}); err == nil || !strings.Contains(err.Error(), "policy") {
		t.Errorf("a broken policy: %v", err)
	}
}

// TestBase asks for the built-in image.
func TestBase(t *testing.T) {
	w := newWorld(t)
	a, err := w.resolve(record.Request{Ref: "coracle/base"})
	if err != nil {
		if !strings.Contains(err.Error(), "built without the base image") {
			t.Fatal(err)
		}
		if left := w.leftovers(); left != nil {
			t.Errorf("left behind %q", left)
		}
		t.Skipf("base: %v", err)
	}
	if !slices.Contains(a.Record.Names, baseName) || len(a.Record.Layers) == 0 {
		t.Errorf("record %+v", a.Record)
	}
	if a, err := w.resolve(record.Request{Ref: "localhost/coracle/base:latest"}); err != nil || a.Pulled {
		t.Errorf("the second time: %+v, %v", a, err)
	}
}

// TestWithOthers shares the store with skopeo and podman, both ways.
func TestWithOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it runs podman and skopeo")
	}
	w := newWorld(t)
	for _, prog := range []string{"skopeo", "podman", "newuidmap"} {
		if _, err := exec.LookPath(prog); err != nil {
			t.Skipf("program %s: %v", prog, err)
		}
	}
	// Debian 12's versions take vfs unless told.
	w.file("[storage]\ndriver = \"overlay\"\n", ".config", "containers", "storage.conf")
	layoutIn(w, "theirs", small("theirs"), "")
	run1(t, w.asUser("skopeo", "--insecure-policy", "copy", "-q", "oci:theirs", "containers-storage:localhost/theirs:1"))
	theirs := w.must(record.Request{Ref: "theirs:1", Pull: record.PullNever})
	if data, err := os.ReadFile(filepath.Join(theirs.Layers[0].Diff, "theirs")); err != nil || string(data) != "theirs" {
		t.Errorf("%q, %v", data, err)
	}

	ours := w.must(record.Request{Ref: layoutIn(w, "ours", twoLayers(), "ours:1")})
	out := run1(t, w.asUser("skopeo", "inspect", "--format", "{{.Digest}}", "containers-storage:localhost/ours:1"))
	if strings.TrimSpace(out) != ours.Digest {
		t.Errorf("skopeo sees %q, want %s", out, ours.Digest)
	}
	t.Cleanup(func() { // podman's process that holds its user namespace
		if pid, err := os.ReadFile(filepath.Join(w.home, "run/libpod/tmp/pause.pid")); err == nil {
			syscall.Kill(atoi(t, string(pid)), syscall.SIGKILL)
		}
	})
	podman := func(args ...string) string {
		t.Helper()
		return run1(t, w.asUser("podman", append([]string{"--cgroup-manager=cgroupfs", "--events-backend=none"}, args...)...))
	}
	images := podman("images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}")
	for _, want := range []string{ours.ID + " localhost/ours:1", theirs.ID + " localhost/theirs:1"} {
		if !strings.Contains(images, want) {
			t.Errorf("podman images does not show %q:\n%s", want, images)
		}
	}
	if why := ours.Stale(); why != "" {
		t.Logf("podman images made our record stale: %s", why)
	}
	ours = w.must(record.Request{Ref: "ours:1"})
	// Layers that we unpacked make the same bytes again when others read them.
	run1(t, w.asUser("skopeo", "--insecure-policy", "copy", "-q", "containers-storage:localhost/ours:1", "dir:again"))
	for _, d := range config(t, filepath.Join(w.home, "ours"), ours.ID).RootFS.DiffIDs {
		data, err := os.ReadFile(filepath.Join(w.home, "again", d.Encoded()))
		if err != nil || digest.FromBytes(data) != d {
			t.Errorf("layer %s comes back as %s, %v", d, digest.FromBytes(data), err)
		}
	}
	ours = w.must(record.Request{Ref: "ours:1"})
	podman("create", "--name", "c", "localhost/ours:1", "/bin/sh")
	if why := ours.Stale(); why != "" {
		t.Errorf("podman create made our record stale: %s", why)
	}
	podman("rm", "c")
	podman("rmi", "localhost/ours:1")
	if ours.Stale() == "" {
		t.Error("podman rmi left our record valid")
	}
	if _, err := w.resolve(record.Request{Ref: "ours:1", Pull: record.PullNever}); err == nil {
		t.Error("a removed image is found")
	}
}

// config is the configuration of an image in a layout.
func config(t *testing.T, layout, id string) (c imgspec.Image) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(layout, "blobs/sha256", id))
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSharedLayers: podman finds the layers that we unpacked, and we its.
func TestSharedLayers(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it runs skopeo")
	}
	w := newWorld(t)
	for _, prog := range []string{"skopeo", "newuidmap"} {
		if _, err := exec.LookPath(prog); err != nil {
			t.Skipf("program %s: %v", prog, err)
		}
	}
	w.file("[storage]\ndriver = \"overlay\"\n", ".config", "containers", "storage.conf")
	f := plainFake(t, w)
	base := noise(t, "base", 100_000)
	for _, name := range []string{"one", "two", "three"} {
		l := newLayout(t, filepath.Join(t.TempDir(), name))
		f.serve(name, l.add(l.image(testImage{packing: "gzip", arch: "amd64", plain: [][]byte{base, noise(t, name, 1000)}}), "1"))
	}
	w.must(record.Request{Ref: f.host + "/one:1"})
	first := f.asked()
	f.doing(nil)
	run1(t, w.asUser("skopeo", "--insecure-policy", "copy", "-q", "docker://"+f.host+"/two:1", "containers-storage:"+f.host+"/two:1"))
	both := f.asked()
	f.doing(nil)
	w.must(record.Request{Ref: f.host + "/three:1"})
	for d := range first {
		if f.asked()[d] != 0 {
			t.Errorf("we fetched %s again", d)
		}
	}
	if len(both) != 2 { // configuration and the layer of its own
		t.Errorf("skopeo fetched %v, we had %v", both, first)
	}
	if layers := w.leftovers(); len(layers) == 0 {
		t.Error("there are no layers")
	}
}
