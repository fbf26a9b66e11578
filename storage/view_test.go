package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tree writes files into a directory: a name ending in / is a directory, a value
// "-> x" a link to x, anything else a file's contents.
func tree(t testing.TB, dir string, files ...string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	for i := 0; i < len(files); i += 2 {
		name, value := filepath.Join(dir, files[i]), files[i+1]
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		switch target, link := strings.CutPrefix(value, "-> "); {
		case strings.HasSuffix(files[i], "/"):
			must(t, os.MkdirAll(name, 0o755))
		case link:
			must(t, os.Symlink(target, name))
		default:
			must(t, os.WriteFile(name, []byte(value), 0o644))
		}
	}
	return dir
}

func view(t testing.TB, layers ...string) *View {
	v := NewView(layers)
	t.Cleanup(func() { v.Close() })
	return v
}

func TestViewFollowsLinksInsideTheRoot(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	must(t, os.WriteFile(secret, []byte("host"), 0o644))
	root := tree(t, filepath.Join(dir, "layer"),
		"etc/passwd", "root",
		"etc/rel", "-> passwd",
		"etc/abs", "-> /etc/passwd",
		"etc/up", "-> ../../../../../../etc/passwd",
		"etc/out", "-> ../../secret",
		"etc/outabs", "-> "+secret,
		"etc/host", "-> "+strings.Repeat("../", 30)+secret,
		"etc/self", "-> self",
		"etc/ping", "-> pong", "etc/pong", "-> ping",
		"etc/proc", "-> /proc/self/root/etc/passwd",
		"d", "-> /", "e", "-> d/d/./d//d/etc",
		"dangling", "-> /nowhere/at/../all",
		"etc/stdin", "-> /dev/stdin",
	)
	v := view(t, root)
	for _, c := range []struct {
		name, path, data string
		exists           bool
		err              error
	}{
		{"", ".", "", true, nil},
		{"/", ".", "", true, nil},
		{"/../..", ".", "", true, nil},
		{"etc", "etc", "", true, nil},
		{"etc/.", "etc", "", true, nil},
		{"etc/passwd", "etc/passwd", "root", true, nil},
		{"//etc///passwd", "etc/passwd", "root", true, nil},
		{"etc/rel", "etc/passwd", "root", true, nil},
		{"etc/abs", "etc/passwd", "root", true, nil},
		{"etc/up", "etc/passwd", "root", true, nil},
		{"e/../etc/passwd", "etc/passwd", "root", true, nil},
		{"e/passwd", "etc/passwd", "root", true, nil},
		{"nowhere/../etc/passwd", "etc/passwd", "root", true, nil},
		{"../secret", "secret", "", false, nil},
		{"etc/out", "secret", "", false, nil},
		{"etc/outabs", strings.TrimPrefix(secret, "/"), "", false, nil},
		{"etc/host", "etc/" + "x", "", false, nil},
		{"etc/proc", "proc/self/root/etc/passwd", "", false, nil},
		{"etc/stdin", "dev/stdin", "", false, nil},
		{"dangling", "nowhere/all", "", false, nil},
		{"dangling/new", "nowhere/all/new", "", false, nil},
		{"dangling/../../d/etc/rel", "etc/passwd", "root", true, nil},
		{"etc/self", "", "", false, unix.ELOOP},
		{"etc/ping", "", "", false, unix.ELOOP},
		{"etc/passwd/x", "", "", false, unix.ENOTDIR},
		{"etc/passwd/..", "", "", false, unix.ENOTDIR},
		{"etc/rel/x", "", "", false, unix.ENOTDIR},
		{"a\x00b", "", "", false, unix.EINVAL},
		{strings.Repeat("x", 300), "", "", false, unix.ENAMETOOLONG},
		{strings.Repeat("x/", 3000), "", "", false, unix.ENAMETOOLONG},
	} {
		if c.name == "etc/host" {
			c.path = strings.TrimPrefix(secret, "/")
		}
		path, _, exists, err := v.Resolve(c.name)
		if path != c.path || exists != c.exists || !errors.Is(err, c.err) {
			t.Errorf("Resolve(%.40q) = %q, %v, %v; want %q, %v, %v", c.name, path, exists, err, c.path, c.exists, c.err)
		}
		data, err := v.ReadFile(c.name, 100)
		if c.data != "" && (err != nil || string(data) != c.data) {
			t.Errorf("ReadFile(%q) = %q, %v", c.name, data, err)
		}
		if !c.exists && c.err == nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadFile(%q) = %v, want not exist", c.name, err)
		}
	}
}

// CVE-2024-9676: a look-up in /etc/passwd that reads what the image points it at.
func TestAttackPasswdTricks(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(sock)
	must(t, unix.Bind(sock, &unix.SockaddrUnix{Name: filepath.Join(dir, "sock")}))
	must(t, os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(dir, "sparse"), 10<<30))
	tree(t, dir, "dir/", "", "stdin", "-> /dev/stdin", "fd0", "-> /proc/self/fd/0", "exact", "12345678")
	v := view(t, dir)
	for name, want := range map[string]error{
		"fifo": ErrNotRegular, "sock": ErrNotRegular, "dir": ErrNotRegular, "/": ErrNotRegular,
		"sparse": ErrTooLarge, "stdin": fs.ErrNotExist, "fd0": fs.ErrNotExist,
	} {
		result := make(chan error, 1)
		go func() { _, err := v.ReadFile(name, 1<<20); result <- err }()
		select {
		case err := <-result:
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		case <-time.After(time.Second):
			t.Errorf("%s: still reading after a second", name)
		}
	}
	for limit, want := range map[int64]error{7: ErrTooLarge, 8: nil, 9: nil} {
		if data, err := v.ReadFile("exact", limit); !errors.Is(err, want) || err == nil && len(data) != 8 {
			t.Errorf("limit %d: %q, %v", limit, data, err)
		}
	}
}

// As many links as the kernel follows, and not one more.
func TestViewFollowsFortyLinks(t *testing.T) {
	dir := tree(t, t.TempDir(), "0", "end")
	for i := range 41 {
		must(t, os.Symlink(fmt.Sprint(i), filepath.Join(dir, fmt.Sprint(i+1))))
	}
	for name, want := range map[string]error{"40": nil, "41": unix.ELOOP} {
		_, kernel := os.Stat(filepath.Join(dir, name))
		if _, err := view(t, dir).ReadFile(name, 10); !errors.Is(err, want) || !errors.Is(kernel, want) {
			t.Errorf("%s links: %v, the kernel says %v", name, err, kernel)
		}
	}
}

// A path may cost at most some thousand look-ups whatever the links say.
func TestAttackEndlessPath(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "a/b/c/", "")
	for i := range 40 {
		next := strings.Repeat("a/b/c/../../../", 270) + fmt.Sprint(i+1)
		must(t, os.Symlink(next, filepath.Join(dir, fmt.Sprint(i))))
	}
	layers := make([]string, 60)
	for i := range layers {
		layers[i] = dir
	}
	if _, _, _, err := view(t, layers...).Resolve("0"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("got %v, want ELOOP", err)
	}
}

func TestViewGrowingFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(name, bytes.Repeat([]byte("x"), 1000), 0o644))
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	if _, err := readRegular(fd, 10, 500); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file that grew is read past the limit: %v", err)
	}
	if data, err := readRegular(fd, 10, 1000); err != nil || len(data) != 1000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestViewLayerGone(t *testing.T) {
	for _, layers := range [][]string{nil, {"/nonexistent/layer"}} {
		_, err := view(t, layers...).ReadFile("etc/passwd", 10)
		if !errors.Is(err, ErrNoLayer) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("layers %q: %v", layers, err)
		}
	}
	v := NewView([]string{"/"})
	must(t, v.Close())
	if _, err := v.ReadFile("etc/passwd", 10); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestViewLeavesNoDescriptor(t *testing.T) {
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(list)
	}
	dir := t.TempDir()
	tree(t, dir, "1/a/b/f", "x", "2/a/b/", "", "2/a/l", "-> ../a/b/f", "2/loop", "-> loop")
	before := count()
	v := NewView([]string{filepath.Join(dir, "1"), filepath.Join(dir, "2")})
	for _, name := range []string{"a/b/f", "a/l", "loop", "a/b/f/x", "none/x", "a/b/../../a", "/", "a/b"} {
		v.Resolve(name)
		v.ReadFile(name, 10)
		v.ReadFile(name, 0)
	}
	v.Close()
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// FuzzViewAgainstKernel holds the walk against openat2(2) with RESOLVE_IN_ROOT
// on one layer: what the kernel finds is found, and nothing else.
func FuzzViewAgainstKernel(f *testing.F) {
	f.Add("a/b", "/a", "../../x", "a/l1/l2")
	f.Add("x", "l2/../..", "/../x", "l1")
	f.Add("x/y/z", "l2", "l1", "l1/../x/./y//z")
	f.Fuzz(func(t *testing.T, made, link1, link2, name string) {
		root := t.TempDir()
		beneath, err := os.OpenRoot(root)
		must(t, err)
		defer beneath.Close()
		if beneath.MkdirAll(made, 0o755) != nil {
			return
		}
		beneath.WriteFile(made+"/f", []byte("f"), 0o644)
		beneath.Symlink(link1, "l1")
		beneath.Symlink(link2, made+"/l2")
		dir, err := unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
		must(t, err)
		defer unix.Close(dir)

		v := view(t, root)
		for _, name := range []string{name, "l1/" + name, made + "/l2", name + "/f"} {
			path, mode, exists, err := v.Resolve(name)
			if err == nil && path != "." && !filepath.IsLocal(path) {
				t.Fatalf("%q leaves the root: %q", name, path)
			}
			fd, kerr := unix.Openat2(dir, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
			if kerr != nil {
				continue // the view may find more: it takes what is missing for directories
			}
			var want, got unix.Stat_t
			must(t, unix.Fstat(fd, &want))
			unix.Close(fd)
			if !exists || err != nil {
				t.Fatalf("%q: the kernel finds it, the view says %v, %v", name, exists, err)
			}
			must(t, unix.Fstatat(dir, path, &got, unix.AT_SYMLINK_NOFOLLOW))
			if got.Ino != want.Ino || mode != fileMode(want.Mode) {
				t.Fatalf("%q: the view finds %q, the kernel another file", name, path)
			}
		}
	})
}
