//go:build containers_image_openpgp

package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"coracle/storage/record"

	"golang.org/x/sys/unix"
)

func TestImportLayout(t *testing.T) {
	for _, packing := range []string{"gzip", "zstd", "none"} {
		t.Run(packing, func(t *testing.T) {
			w := newWorld(t)
			i := twoLayers()
			i.packing = packing
			l := newLayout(t, filepath.Join(w.home, "img"))
			d := l.image(i)
			l.add(d, "my/app:1")
			r := w.must(record.Request{Ref: "oci:img"})
			if want := l.manifest(d).Config.Digest.Encoded(); r.ID != want || r.Digest != d.Digest.String() {
				t.Errorf("id %s digest %s, want %s %s", r.ID, r.Digest, want, d.Digest)
			}
			checkRecord(t, w, r)
			checkTree(t, w, r)
		})
	}
}

func checkRecord(t *testing.T, w *world, r *record.Record) {
	t.Helper()
	if !slices.Equal(r.Names, []string{"localhost/my/app:1"}) || r.Platform != "linux/amd64" {
		t.Errorf("names %q platform %q", r.Names, r.Platform)
	}
	c := r.Config
	if c.User != "33" || c.WorkingDir != "/srv" || c.StopSignal != "SIGTERM" || c.Labels["k"] != "v" ||
		!slices.Equal(c.Env, []string{"PATH=/bin", "A=b"}) || !slices.Equal(c.Entrypoint, []string{"/bin/sh"}) ||
		!slices.Equal(c.Cmd, []string{"-c", "id"}) || !slices.Equal(c.Volumes, []string{"/data"}) || !slices.Equal(c.ExposedPorts, []string{"80/tcp"}) {
		t.Errorf("config %+v", c)
	}
	if !r.HasIDs || r.MaxUID != 1234 || r.MaxGID != 5678 || r.Size <= 0 {
		t.Errorf("ids %v %d %d, size %d", r.HasIDs, r.MaxUID, r.MaxGID, r.Size)
	}
	if want := filepath.Join(w.home, ".local/share/containers/storage/overlay"); r.Dir != want {
		t.Errorf("dir %s, want %s", r.Dir, want)
	}
	if len(r.Layers) != 2 {
		t.Fatalf("layers %+v", r.Layers)
	}
	for _, l := range r.Layers {
		if !strings.HasPrefix(l.Link, "l/") {
			t.Errorf("link %q is not the short one", l.Link)
		}
		a, err := os.Stat(filepath.Join(r.Dir, l.Link))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.Stat(l.Diff); err != nil || !os.SameFile(a, b) {
			t.Errorf("%s and %s differ (%v)", l.Link, l.Diff, err)
		}
	}
}

// checkTree looks at the layers on disk as the host sees them: owners shifted
// into the user's sub-ids, whiteouts as overlayfs wants them.
func checkTree(t *testing.T, w *world, r *record.Record) {
	t.Helper()
	host := func(kind, id int) uint32 {
		for _, m := range w.maps[kind] {
			if id >= m.ContainerID && id < m.ContainerID+m.Size {
				return uint32(m.HostID + id - m.ContainerID)
			}
		}
		return ^uint32(0)
	}
	top, base := r.Layers[0].Diff, r.Layers[1].Diff
	for _, f := range []struct {
		path     string
		uid, gid int
		mode     uint32
	}{
		{base + "/bin/sh", 0, 0, syscall.S_IFREG | 0o755},
		{base + "/bin/su", 0, 0, syscall.S_IFREG | 0o4755},
		{base + "/bin/bash", 0, 0, syscall.S_IFLNK | 0o777},
		{base + "/var/www", 33, 33, syscall.S_IFDIR | 0o750},
		{base + "/var/www/old", 33, 34, syscall.S_IFREG | 0o640},
		{top + "/var/www/new", 1234, 5678, syscall.S_IFREG | 0o644},
		{top + "/etc/gone", 0, 0, syscall.S_IFCHR},
	} {
		var st unix.Stat_t
		if err := unix.Lstat(f.path, &st); err != nil {
			t.Error(f.path, err)
			continue
		}
		mode := st.Mode
		if f.mode == syscall.S_IFCHR {
			mode &= unix.S_IFMT
		}
		if st.Uid != host(0, f.uid) || st.Gid != host(1, f.gid) || mode != f.mode || f.mode == syscall.S_IFCHR && st.Rdev != 0 {
			t.Errorf("%s: %d:%d mode %o, want %d:%d %o", f.path, st.Uid, st.Gid, st.Mode, host(0, f.uid), host(1, f.gid), f.mode)
		}
	}
	a, err1 := os.Stat(base + "/bin/sh")
	b, err2 := os.Stat(base + "/bin/ash")
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		t.Error("the hard link is none")
	}
	opaque := make([]byte, 8)
	if n, err := unix.Getxattr(top+"/var/www", "user.overlay.opaque", opaque); err != nil || string(opaque[:n]) != "y" {
		t.Errorf("opaque directory: %q, %v", opaque[:max(n, 0)], err)
	}
}

// TestImportForms asks for the same image in each form a file can have it.
func TestImportForms(t *testing.T) {
	w := newWorld(t)
	l := newLayout(t, filepath.Join(w.home, "img"))
	l.add(l.image(twoLayers()), "app:1").add(l.image(small("other")), "other:1")
	one := newLayout(t, filepath.Join(w.home, "one"))
	one.add(one.image(twoLayers()), "")
	tarDir(t, filepath.Join(w.home, "one.tar"), one.path)
	tarDir(t, filepath.Join(w.home, "two.tar"), l.path)
	run1(t, w.asUser("sh", "-c", "gzip -k one.tar"))
	dockerSave(t, filepath.Join(w.home, "saved.tar"), map[string]testImage{"docker.io/library/app:1": twoLayers()})
	dockerSave(t, filepath.Join(w.home, "many.tar"), map[string]testImage{"app:1": twoLayers(), "quay.io/x/other:1": small("other")})
	dockerSave(t, filepath.Join(w.home, "unnamed.tar"), map[string]testImage{"": small("other")})
	run1(t, w.asUser("skopeo", "--insecure-policy", "copy", "-q", "oci:one", "dir:directory"))

	first := w.must(record.Request{Ref: "oci:img:app:1"})
	other := w.must(record.Request{Ref: "oci:img:other:1"})
	for _, tt := range []struct {
		ref  string
		want *record.Record
		name string
	}{
		{"oci:one", first, ""},
		{"./one", first, ""},
		{filepath.Join(w.home, "one"), first, ""},
		{"oci-archive:one.tar", first, ""},
		{"oci-archive:one.tar.gz", first, ""},
		{"./one.tar.gz", first, ""},
		{"oci-archive:two.tar:other:1", other, "localhost/other:1"},
		{"dir:directory", first, ""},
		{"./directory", first, ""},
		{"docker-archive:saved.tar", nil, "docker.io/library/app:1"},
		{"./saved.tar", nil, "docker.io/library/app:1"},
		{"docker-archive:many.tar:app:1", nil, "localhost/app:1"},
		{"docker-archive:many.tar:quay.io/x/other:1", nil, "quay.io/x/other:1"},
		{"docker-archive:unnamed.tar", nil, ""},
	} {
		r := w.must(record.Request{Ref: tt.ref})
		if tt.want != nil && r.ID != tt.want.ID {
			t.Errorf("%s: id %s, want %s", tt.ref, r.ID, tt.want.ID)
		}
		if tt.name != "" && !slices.Contains(r.Names, tt.name) {
			t.Errorf("%s: names %q, want %s", tt.ref, r.Names, tt.name)
		}
		if r.Layers[0].Diff != first.Layers[0].Diff && r.Layers[0].Diff != other.Layers[0].Diff {
			t.Errorf("%s: its layers are not shared: %s", tt.ref, r.Layers[0].Diff)
		}
	}
	before := w.must(record.Request{Ref: "oci:one"})
	if a, err := w.resolve(record.Request{Ref: "oci:one"}); err != nil || a.Pulled {
		t.Errorf("the second time changed the store: %+v, %v", a, err)
	}
	one.add(one.image(small("x")), "")
	if before.Stale() == "" {
		t.Error("the record outlives a change of index.json")
	}
}

// TestNames looks one image up by everything that can mean it.
func TestNames(t *testing.T) {
	w := newWorld(t)
	l := newLayout(t, filepath.Join(w.home, "img"))
	d := l.image(twoLayers())
	l.add(d, "my/app:1").add(l.image(small("x")), "docker.io/library/cafe:latest").add(l.image(small("y")), "quay.io/x/y:2")
	app := w.must(record.Request{Ref: "oci:img:my/app:1"})
	cafe := w.must(record.Request{Ref: "oci:img:docker.io/library/cafe:latest"})
	far := w.must(record.Request{Ref: "oci:img:quay.io/x/y:2"})
	for ref, want := range map[string]*record.Record{
		"my/app:1": app, "localhost/my/app:1": app, "containers-storage:my/app:1": app,
		app.ID: app, "sha256:" + app.ID: app, app.ID[:12]: app,
		"localhost/my/app@" + d.Digest.String(): app, "my/app:1@" + d.Digest.String(): app, "my/app:9@" + d.Digest.String(): app,
		"cafe": cafe, "cafe:latest": cafe, "docker.io/cafe": cafe, "docker.io/library/cafe": cafe, "library/cafe": cafe,
		"y:2": far, "x/y:2": far, "containers-storage:y:2": far, "app:1": app,
	} {
		r := w.must(record.Request{Ref: ref, Pull: record.PullNever})
		if r.ID != want.ID {
			t.Errorf("%s: got %s, want %s", ref, r.ID, want.ID)
		}
	}
	for _, ref := range []string{"my/app", "my/app:2", "pp:1", "localhost/app:1", "y", "x/y", "Upper", "a b", "nothing", "ffffffffffff", "my/app@" + "sha256:" + app.ID, "localhost/none", "sha256:" + strings.Repeat("0", 64)} {
		if a, err := w.resolve(record.Request{Ref: ref, Pull: record.PullNever}); err == nil {
			t.Errorf("%s: found %+v", ref, a.Record.Names)
		}
	}
	if got := w.list(); len(got) != 3 || !slices.ContainsFunc(got, func(s string) bool { return s == app.ID+" localhost/my/app:1" }) {
		t.Errorf("list: %q", got)
	}
}
