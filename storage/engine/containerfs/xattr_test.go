package containerfs

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAnyRoot(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		// version 3, CAP_NET_RAW effective, root 1000
		{"0100000300200000000000000000000000000000e8030000", "0100000200200000000000000000000000000000"},
		{"0100000200200000000000000000000000000000", "0100000200200000000000000000000000000000"},
		{"0100000300200000", "0100000300200000"}, // cut off: as it is
		{"", ""},
	} {
		in, _ := hex.DecodeString(tt.in)
		before := bytes.Clone(in)
		if got := hex.EncodeToString(anyRoot(in)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
		if !bytes.Equal(before, in) {
			t.Errorf("%s: the argument was changed", tt.in)
		}
	}
}

func TestKept(t *testing.T) {
	for name, want := range map[string]bool{
		"user.mine": true, "security.capability": true, OwnerAttr: true,
		"user.overlay.opaque": false, "user.overlay.metacopy": false, "trusted.overlay.opaque": false, "security.selinux": false,
		"user.fuseoverlayfs.opaque": false, "system.posix_acl_access": false, "user": false,
	} {
		if kept(name, false) != want {
			t.Errorf("%s: %v", name, !want)
		}
		if list := strings.HasPrefix(name, "system.posix_acl_"); kept(name, true) != (want || list) {
			t.Errorf("%s, raw: %v", name, !want)
		}
	}
}

func TestXattrs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	check(t, os.WriteFile(path, nil, 0o600))
	long := string(bytes.Repeat([]byte("x"), 1000))
	check(t, unix.Setxattr(path, "user.long", []byte(long), 0))
	check(t, unix.Setxattr(path, "user.overlay.origin", []byte("y"), 0))
	fd, err := unix.Open(path, unix.O_PATH, 0)
	check(t, err)
	defer unix.Close(fd)
	got, err := xattrs(fd, false)
	if err != nil || len(got) != 1 || got["user.long"] != long {
		t.Errorf("%d attributes, %v", len(got), err)
	}
	check(t, setXattrs(fd, map[string]string{paxXattr + "user.set": "v", paxXattr + "user.overlay.opaque": "y", "comment": "x"}, false))
	if got, err := xattrs(fd, false); err != nil || got["user.set"] != "v" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := xattr(path, "user.overlay.opaque"); err == nil {
		t.Error("an archive could set overlay's attribute")
	}
}

func FuzzOwnerAttr(f *testing.F) {
	for _, s := range []string{"0:0", "1000:4294967295", "4294967296:0", "-1:0", "1:2x", "1", "", "a:b", " 1:2", "1:2\n3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		uid, gid, ok := ownerAttr(s)
		if ok && (uid < 0 || gid < 0 || uid > 1<<32-1 || gid > 1<<32-1) {
			t.Errorf("%q: %d:%d", s, uid, gid)
		}
	})
}

func TestOwnerAttr(t *testing.T) {
	if uid, gid, ok := ownerAttr("172761424:5"); uid != 172761424 || gid != 5 || !ok {
		t.Error(uid, gid, ok)
	}
	for _, bad := range []string{"", "1", "1:2x", "-1:0", "4294967296:0", "a:b"} {
		if _, _, ok := ownerAttr(bad); ok {
			t.Errorf("%q passes", bad)
		}
	}
}
