package unpack

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEscapes are ways out of the layer: those of containers/storage's
// archive_test.go (CVE-2025-11395, CVE-2024-3727, CVE-2021-20291 and before), and
// more. Each may fail or not; the neighbour stays as it was.
func TestEscapes(t *testing.T) {
	for name, make := range map[string]func(top string) []member{
		"dots":                   func(string) []member { return []member{reg("../victim/hello", "x")} },
		"dots after a directory": func(string) []member { return []member{dir("d"), reg("d/../../victim/hello", "x")} },
		"link, then write":       func(string) []member { return []member{sym("s", "../victim"), reg("s/hello", "x")} },
		"absolute link":          func(top string) []member { return []member{sym("s", top+"/victim"), reg("s/hello", "x")} },
		"link as the file":       func(string) []member { return []member{sym("s", "../victim/hello"), reg("s", "x")} },
		"absolute as the file":   func(top string) []member { return []member{sym("s", top+"/victim/hello"), reg("s", "x")} },
		"chain": func(string) []member {
			return []member{sym("a/b/c", "../.."), sym("a/b/c/d", ".."), reg("a/b/c/d/victim/hello", "x")}
		},
		"chain to the file": func(string) []member {
			return []member{sym("a/b/c", "../.."), sym("a/b/c/s", "../victim/hello"), reg("a/b/c/s", "x")}
		},
		"hard link out":          func(string) []member { return []member{link("l", "../victim/hello"), reg("l", "x")} },
		"hard link, absolute":    func(top string) []member { return []member{link("l", top+"/victim/hello").mode(0o4777), reg("l", "x")} },
		"hard link through link": func(string) []member { return []member{sym("s", "../victim"), link("l", "s/hello").mode(0o4777)} },
		"hard link to link out": func(string) []member {
			return []member{sym("s", "../victim/hello"), link("l", "s").mode(0o777).owner(9, 9)}
		},
		"root is a link":  func(top string) []member { return []member{sym(".", top+"/victim"), reg("./hello", "x")} },
		"slash is a link": func(top string) []member { return []member{sym("/", top+"/victim"), reg("/hello", "x")} },
		"times on a link": func(top string) []member { return []member{dir("d"), sym("d2", top+"/victim"), dir("d2/")} },
		"directory becomes link": func(top string) []member {
			return []member{dir("d"), reg("d/x", ""), reg("d", ""), sym("d", top+"/victim"), dir("d/sub")}
		},
		"whiteout through a link": func(string) []member { return []member{sym("s", "../victim"), reg("s/.wh.hello", "")} },
		"opaque through a link":   func(string) []member { return []member{sym("s", "../victim"), reg("s/.wh..wh..opq", "")} },
		"whiteout of dots":        func(string) []member { return []member{reg("d/.wh...", ""), reg("d/.wh..", "")} },
		"replaced link in cache": func(string) []member {
			return []member{dir("real"), sym("s", "real"), reg("s/a", ""), sym("s", "../victim"), reg("s/hello", "x")}
		},
		"directory replaced in cache": func(string) []member {
			return []member{dir("d"), reg("d/a", ""), sym("d", "../victim"), reg("d/hello", "x")}
		},
		"attribute through a link": func(string) []member {
			return []member{sym("s", "../victim/hello").pax("SCHILY.xattr.user.k", "v", "SCHILY.xattr.trusted.k", "v")}
		},
		"mode through a hard link": func(string) []member {
			return []member{sym("s", "../victim"), link("s2", "s").mode(0o7777).owner(1, 1)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := append(state(t, w.victim), names(t, w.top)...)
			_, err := w.unpack(stream(t, make(w.top)...), options())
			if after := append(state(t, w.victim), names(t, w.top)...); !slices.Equal(before, after) {
				t.Errorf("before %q\nafter  %q\nerror %v", before, after, err)
			}
			var st unix.Stat_t
			if err := unix.Lstat(w.dest, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
				t.Errorf("the destination is %o, %v", st.Mode, err)
			}
		})
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestRefused are streams that get an error, and which.
func TestRefused(t *testing.T) {
	long := strings.Repeat("a/", 3000) + "x"
	small := Limits{Entries: 10, Path: 100, Extended: 8 << 10, Xattrs: 2, Size: 1 << 20, Ratio: 100, Free: 64 << 10, Padding: 4 << 10}
	many := make([]member, 12)
	for i := range many {
		many[i] = reg(fmt.Sprint("n", i), "")
	}
	padded := append(stream(t, reg("a", "")), make([]byte, 8<<10)...)
	for name, tt := range map[string]struct {
		data []byte
		lim  Limits
		want error
		says string
	}{
		"outside":             {stream(t, reg("../x", "")), Limits{}, ErrEscape, `entry "../x"`},
		"link outside":        {stream(t, link("x", "../../y")), Limits{}, ErrEscape, `entry "x": link to "../../y"`},
		"root is no dir":      {stream(t, reg("./", "").kind(tar.TypeSymlink)), Limits{}, ErrFormat, "root"},
		"long path":           {stream(t, reg(long, "")), Limits{}, ErrLimit, "name has 6001 bytes"},
		"long target":         {stream(t, sym("s", long)), Limits{}, ErrLimit, "target has 6001 bytes"},
		"long component":      {stream(t, reg(strings.Repeat("x", 256), "")), Limits{}, unix.ENAMETOOLONG, "entry"},
		"too many":            {stream(t, many...), small, ErrLimit, `entry "n10": over the limit: the layer has more than 10 entries`},
		"too big":             {stream(t, reg("big", strings.Repeat("x", 1<<20+1))), small, ErrLimit, "more than 1048576 bytes"},
		"too big together":    {stream(t, reg("a", strings.Repeat("x", 1<<19)), reg("b", strings.Repeat("x", 1<<19+1))), small, ErrLimit, `entry "b"`},
		"pax bomb":            {stream(t, reg("a", ""), reg("b", "").pax("X.y", strings.Repeat("z", 9<<10))), small, ErrLimit, `what follows a": over the limit: its headers`},
		"attributes":          {stream(t, reg("a", "").pax("SCHILY.xattr.user.1", "", "SCHILY.xattr.user.2", "", "SCHILY.xattr.user.3", "")), small, ErrLimit, "attributes"},
		"huge attribute":      {stream(t, reg("a", "").pax("SCHILY.xattr.user.1", strings.Repeat("x", 65537))), Limits{}, unix.E2BIG, "user.1"},
		"padding":             {padded, small, ErrLimit, `what follows a": over the limit: more than 4096 bytes follow`},
		"truncated":           {stream(t, reg("a", strings.Repeat("x", 5000)))[:2000], Limits{}, io.ErrUnexpectedEOF, `entry "a"`},
		"no tar":              {bytes.Repeat([]byte("no tar "), 200), Limits{}, ErrFormat, ""},
		"unknown kind":        {stream(t, reg("a", "").kind('Z')), Limits{}, ErrFormat, "unknown type"},
		"whiteout of nothing": {stream(t, reg(".wh.", "")), Limits{}, ErrFormat, "whiteout of nothing"},
		"directory hard link": {stream(t, dir("d"), link("l", "d")), Limits{}, ErrFormat, "hard link to the directory"},
		"link to nothing":     {stream(t, link("l", "none")), Limits{}, unix.ENOENT, `link to "none"`},
		"file as directory":   {stream(t, reg("f", ""), reg("f/x", "")), Limits{}, unix.ENOTDIR, `entry "f/x"`},
		"loop":                {stream(t, sym("a", "b"), sym("b", "a"), reg("a/x", "")), Limits{}, unix.ELOOP, `entry "a/x"`},
		"twice, other":        {stream(t, reg("a", "one"), reg("a", "two")), Limits{}, ErrFormat, "twice"},
		"twice, longer":       {stream(t, reg("a", "one"), reg("a", "three")), Limits{}, ErrFormat, "twice"},
		"full directory gone": {stream(t, reg("d/a", "one"), sym("d", "x")), Limits{}, ErrFormat, `replaces the file "a"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := options()
			o.Limits, o.Split = tt.lim, io.Discard
			_, err := w.unpack(tt.data, o)
			mustFail(t, err, tt.want, tt.says)
			var e *EntryError
			if !errors.As(err, &e) {
				t.Errorf("%v names no entry", err)
			}
		})
	}
}

// TestRatio holds a stream of zeros against what it was compressed from.
func TestRatio(t *testing.T) {
	w := newWorld(t)
	data := stream(t, reg("zeros", strings.Repeat("\x00", 2<<20)))
	o := options()
	o.Limits = Limits{Ratio: 100, Free: 1 << 20}
	o.Compressed = func() int64 { return 2048 }
	_, err := w.unpack(data, o)
	mustFail(t, err, ErrLimit, `entry "zeros"`, "100 times")
	w = newWorld(t)
	o.Compressed = func() int64 { return 64 << 10 }
	if _, err := w.unpack(data, o); err != nil {
		t.Error(err)
	}
	// Headers count too.
	w = newWorld(t)
	o.Compressed = func() int64 { return 100 }
	o.Limits.Free = 64 << 10
	var many []member
	for i := range 200 {
		many = append(many, dir(fmt.Sprint(i)))
	}
	_, err = w.unpack(stream(t, many...), o)
	mustFail(t, err, ErrLimit, "times")
}

// TestZerosCostNothing: a file of zeros is a hole.
func TestZerosCostNothing(t *testing.T) {
	w := newWorld(t)
	if _, err := w.unpack(stream(t, reg("zeros", strings.Repeat("\x00", 8<<20))), options()); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(w.dest, "zeros"), &st); err != nil || st.Size != 8<<20 || st.Blocks*512 > 1<<20 {
		t.Errorf("size %d, on disk %d, %v", st.Size, st.Blocks*512, err)
	}
}

// TestNotTaken are attributes that a stream has no say in.
func TestNotTaken(t *testing.T) {
	w := newWorld(t)
	v3 := "\x01\x00\x00\x03\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa0\x86\x01\x00"
	_, err := w.unpack(stream(t,
		dir("d").pax("SCHILY.xattr.trusted.overlay.redirect", "/etc", "SCHILY.xattr.user.overlay.opaque", "y", "SCHILY.xattr.user.fine", "1"),
		reg("f", "x").pax("SCHILY.xattr.security.capability", v3, "SCHILY.xattr.user.coracle.owner", "7:7", "SCHILY.xattr.security.selinux", "x"),
	), options())
	if err != nil {
		t.Fatal(err)
	}
	if got := xattrs(t, filepath.Join(w.dest, "d")); got != ` user.fine="1"` {
		t.Errorf("directory has %s", got)
	}
	v2 := "\x01\x00\x00\x02" + v3[4:20]
	if got, want := xattrs(t, filepath.Join(w.dest, "f")), fmt.Sprintf(" security.capability=%q", v2); got != want {
		t.Errorf("file has  %s\nwant %s", got, want)
	}
}

// TestInherited: what the directory got from those above it goes no further.
func TestInherited(t *testing.T) {
	w := newWorld(t)
	if err := os.Chown(w.dest, 0, 42); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.dest, 0o755|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	// acl(5) as the kernel keeps it: version 2, then tag, permissions, id.
	acl := "\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x02\x00\x07\x00\x07\x00\x00\x00\x04\x00\x05\x00\xff\xff\xff\xff\x10\x00\x07\x00\xff\xff\xff\xff\x20\x00\x05\x00\xff\xff\xff\xff"
	if err := unix.Setxattr(w.dest, aclDefault, []byte(acl), 0); err != nil {
		t.Skipf("filesystem: no access lists: %v", err)
	}
	if _, err := w.unpack(stream(t, reg("f", "x"), dir("d"), dir("own").pax("SCHILY.xattr."+aclDefault, acl), reg("own/f", "x")), options()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"f", "d", "own/f"} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(w.dest, p), &st); err != nil || st.Gid != 0 || st.Mode&unix.S_ISGID != 0 {
			t.Errorf("%s: group %d, mode %o, %v", p, st.Gid, st.Mode, err)
		}
		if got := xattrs(t, filepath.Join(w.dest, p)); got != "" {
			t.Errorf("%s has %s", p, got)
		}
	}
	if got := xattrs(t, filepath.Join(w.dest, "own")); !strings.Contains(got, aclDefault) {
		t.Errorf("own has %s", got)
	}
}
