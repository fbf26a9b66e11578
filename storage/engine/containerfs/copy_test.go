package containerfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The table of docs.docker.com/reference/cli/docker/container/cp, line by line,
// with both sides as container and as host. before is what both sides have, want
// what the destination's has then.
func TestCopyRules(t *testing.T) {
	const srcFile, srcDir = "src=content", "srcdir/in=deep"
	for name, tt := range map[string]struct {
		source, dest string
		before       []string // on the destination's side
		overwrite    bool
		want         string
		err          error
	}{
		// SRC_PATH specifies a file
		"file, DEST does not exist":                      {source: "src", dest: "new", want: "new=content"},
		"file, DEST does not exist and ends with /":      {source: "src", dest: "new/", err: ErrNotFound},
		"file, DEST is a file":                           {source: "src", dest: "old", before: []string{"old=x"}, want: "old=content"},
		"file, DEST is a directory":                      {source: "src", dest: "dir", before: []string{"dir/"}, want: "dir/ dir/src=content"},
		"file, DEST is a directory and ends with /":      {source: "src", dest: "dir/", before: []string{"dir/"}, want: "dir/ dir/src=content"},
		"file, DEST is a file and ends with /":           {source: "src", dest: "old/", before: []string{"old=x"}, err: ErrNotDir, want: "old=x"},
		"file, DEST has a directory of the name":         {source: "src", dest: "dir", before: []string{"dir/src/"}, err: ErrFileOverDir, want: "dir/ dir/src/"},
		"file, DEST has a directory of the name, forced": {source: "src", dest: "dir", before: []string{"dir/src/x=y"}, overwrite: true, want: "dir/ dir/src=content"},
		"file, the parent does not exist":                {source: "src", dest: "none/new", err: ErrNotFound},
		"file, the parent is a file":                     {source: "src", dest: "old/new", before: []string{"old=x"}, err: ErrNotDir, want: "old=x"},
		"file with a slash":                              {source: "src/", dest: "new", err: ErrNotDir},
		"file with a dot":                                {source: "src/.", dest: "new", err: ErrNotDir},
		"nothing":                                        {source: "none", dest: "new", err: ErrNotFound},
		// SRC_PATH specifies a directory
		"dir, DEST does not exist":                 {source: "srcdir", dest: "new", want: "new/ new/in=deep"},
		"dir, DEST does not exist and ends with /": {source: "srcdir", dest: "new/", want: "new/ new/in=deep"},
		"dir, DEST is a file":                      {source: "srcdir", dest: "old", before: []string{"old=x"}, err: ErrDirOverFile, want: "old=x"},
		"dir, DEST is a file, forced":              {source: "srcdir", dest: "old", before: []string{"old=x"}, overwrite: true, want: "old/ old/in=deep"},
		"dir, DEST is a directory":                 {source: "srcdir", dest: "dir", before: []string{"dir/"}, want: "dir/ dir/srcdir/ dir/srcdir/in=deep"},
		"dir with a slash, DEST is a directory":    {source: "srcdir/", dest: "dir", before: []string{"dir/"}, want: "dir/ dir/srcdir/ dir/srcdir/in=deep"},
		"dir/., DEST is a directory":               {source: "srcdir/.", dest: "dir", before: []string{"dir/old=x"}, want: "dir/ dir/in=deep dir/old=x"},
		"dir/., DEST does not exist":               {source: "srcdir/.", dest: "new", want: "new/ new/in=deep"},
		"dir/., DEST is a file":                    {source: "srcdir/.", dest: "old", before: []string{"old=x"}, err: ErrDirOverFile, want: "old=x"},
		"dir, the parent does not exist":           {source: "srcdir", dest: "none/new", err: ErrNotFound},
		"dir, DEST has a file of the name":         {source: "srcdir", dest: "dir", before: []string{"dir/srcdir=x"}, err: ErrDirOverFile, want: "dir/ dir/srcdir=x"},
		// links
		"link":                            {source: "link", dest: "new", want: "new>src"},
		"link to a directory":             {source: "dirlink", dest: "new", want: "new>srcdir"},
		"link to a directory with /":      {source: "dirlink/", dest: "new", want: "new/ new/in=deep"},
		"link to a directory with /.":     {source: "dirlink/.", dest: "new", want: "new/ new/in=deep"},
		"DEST is a link to a directory":   {source: "src", dest: "l", before: []string{"dir/", "l>dir"}, want: "dir/ dir/src=content l>dir"},
		"DEST is a link to a file":        {source: "src", dest: "l", before: []string{"f=x", "l>f"}, want: "f=content l>f"},
		"DEST is a link to nothing":       {source: "src", dest: "l", before: []string{"l>none"}, err: errAny, want: "l>none"},
		"DEST is a link, SRC a directory": {source: "srcdir", dest: "l", before: []string{"f=x", "l>f"}, err: ErrDirOverFile, want: "f=x l>f"},
	} {
		for _, sides := range []string{"container container", "host container", "container host"} {
			from, to := t.TempDir(), t.TempDir()
			plant(t, from, srcFile, srcDir, "link>src", "dirlink>srcdir")
			plant(t, to, tt.before...)
			c := Copy{From: rootAt(t, from), To: rootAt(t, to), Source: "/" + tt.source, Dest: tt.dest, Overwrite: tt.overwrite}
			if strings.HasPrefix(sides, "host") {
				c.From, c.Source = Host(), from+"/"+tt.source
			}
			if strings.HasSuffix(sides, "host") {
				c.To, c.Dest = Host(), to+"/"+tt.dest
			}
			err := runAsTester(&c)
			if (tt.err == nil) != (err == nil) || tt.err != nil && tt.err != errAny && !errors.Is(err, tt.err) {
				t.Errorf("%s (%s): error %v, want %v", name, sides, err, tt.err)
			}
			if got := seen(t, to); got != tt.want {
				t.Errorf("%s (%s): %s, want %s", name, sides, got, tt.want)
			}
		}
	}
}

// runAsTester makes the host's files the tester's own, who may not be root.
func runAsTester(c *Copy) error {
	c.me = [2]int{os.Getuid(), os.Getgid()}
	return c.Run(context.Background())
}

func TestCopyFollowLink(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	plant(t, from, "f=x", "d/l>../f", "l>f", "out>../../../../etc/hostname")
	c := Copy{From: rootAt(t, from), To: rootAt(t, to), Source: "l", Dest: "got", FollowLink: true}
	check(t, c.Run(context.Background()))
	c.Source, c.Dest = "d", "dir" // of the source only, not of what is in it
	check(t, c.Run(context.Background()))
	if got := seen(t, to); got != "dir/ dir/l>../f got=x" {
		t.Error(got)
	}
	c.Source = "out"
	if err := c.Run(context.Background()); !errors.Is(err, ErrNotFound) {
		t.Errorf("a link out of the container: %v", err)
	}
	if c.Files != 3 || c.Bytes != 1 {
		t.Errorf("%d files, %d bytes", c.Files, c.Bytes)
	}
}

func TestCopyIntoItself(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a/b/", "l>a")
	r := rootAt(t, dir)
	for _, dest := range []string{"/a/b", "/a", "/a/new", "/l/b"} {
		if err := (&Copy{From: r, To: r, Source: "/a", Dest: dest}).Run(context.Background()); err == nil || !strings.Contains(err.Error(), "into itself") {
			t.Errorf("%s: %v", dest, err)
		}
	}
	check(t, (&Copy{From: r, To: r, Source: "/a/b", Dest: "/a/c"}).Run(context.Background()))
}

func TestCopyStreams(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	plant(t, from, "d/f=x", "d/l>f")
	plant(t, to, "in/", "file=x")
	for source, want := range map[string]string{"/d": "d/ d/f d/l", "/d/.": "./ ./f ./l", "/d/f": "f", "/": "./ ./d/ ./d/f ./d/l"} {
		var b bytes.Buffer
		c := Copy{From: rootAt(t, from), Source: source}
		check(t, c.WriteTo(context.Background(), &b))
		if got := namesOf(t, b.Bytes()); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
		c = Copy{To: rootAt(t, to), Dest: "/in"}
		check(t, c.ReadFrom(context.Background(), &b))
	}
	if got := seen(t, filepath.Join(to, "in")); got != "d/ d/f=x d/l>f f=x l>f" {
		t.Error(got)
	}
	for dest, want := range map[string]error{"/none": ErrNotFound, "/file": ErrNotDir} {
		c := Copy{To: rootAt(t, to), Dest: dest}
		if err := c.ReadFrom(context.Background(), strings.NewReader("")); !errors.Is(err, want) {
			t.Errorf("%s: %v", dest, err)
		}
	}
}

func namesOf(t *testing.T, data []byte) string {
	t.Helper()
	var names []string
	check(t, ReadArchive(context.Background(), bytes.NewReader(data), sinkFunc(func(h *tar.Header) { names = append(names, h.Name) }), Limits{}))
	return strings.Join(names, " ")
}

func TestCopyOwner(t *testing.T) {
	container := Root{FD: 0, Owners: Owners{UIDs: idMap(0, 7), GIDs: idMap(0, 8)}}
	wide := Root{FD: 0}
	for _, tt := range []struct {
		name     string
		c        Copy
		uid, gid int // as the source shows them
		want     [2]int
		bad      bool
	}{
		{"into a container", Copy{From: Host(), To: container}, 33, 44, [2]int{7, 8}, false},
		{"out of one", Copy{From: wide, To: Host()}, 33, 44, [2]int{0, 0}, false},
		{"between two", Copy{From: wide, To: container}, 33, 44, [2]int{7, 8}, false},
		{"-a, the user", Copy{From: Host(), To: wide, Archive: true, UID: 1000, GID: 100}, 0, 0, [2]int{1000, 100}, false},
		{"-a, a sub-id", Copy{From: Host(), To: wide, Archive: true, UID: 1000, GID: 100}, 33, 44, [2]int{33, 44}, false},
		{"-a, back", Copy{From: wide, To: Host(), Archive: true, UID: 1000, GID: 100}, 1000, 100, [2]int{0, 0}, false},
		{"-a, not mapped", Copy{From: Host(), To: container, Archive: true, UID: 1000}, 33, 0, [2]int{}, true},
		{"archive", Copy{From: Host(), To: wide, archiveIn: true}, 33, 44, [2]int{33, 44}, false},
		{"archive, not mapped", Copy{From: Host(), To: container, archiveIn: true}, 33, 44, [2]int{}, true},
	} {
		uid, gid, err := tt.c.owner(&tar.Header{Uid: tt.uid, Gid: tt.gid})
		if (err != nil) != tt.bad || !tt.bad && [2]int{uid, gid} != tt.want {
			t.Errorf("%s: %d:%d, %v", tt.name, uid, gid, err)
		}
	}
}

// Names that a source changes while it is copied lead nowhere else.
func TestCopyRace(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "secret/f=HOST", "root/d/f=inside", "root/l>"+dir+"/secret", "payload=x")
	root := filepath.Join(dir, "root")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, root+"/d", unix.AT_FDCWD, root+"/l", unix.RENAME_EXCHANGE)
			}
		}
	}()
	r, copied := rootAt(t, root), 0
	for range 500 {
		out := t.TempDir()
		if (&Copy{From: r, To: r, Source: "/d/f", Dest: "/copy"}).Run(context.Background()) == nil {
			copied++
		}
		c := Copy{From: r, To: Host(), Source: "/", Dest: out}
		_ = runAsTester(&c)
		if text, _ := os.ReadFile(root + "/copy"); strings.Contains(seen(t, out)+string(text), "HOST") {
			t.Fatal("a file of the host was read")
		}
		_ = (&Copy{From: Host(), To: r, Source: filepath.Join(dir, "payload"), Dest: "/d/new"}).Run(context.Background())
		if got := seen(t, filepath.Join(dir, "secret")); got != "f=HOST" {
			t.Fatalf("written outside: %s", got)
		}
	}
	close(stop)
	<-done
	if copied == 0 {
		t.Error("nothing was ever copied")
	}
}
