package userns

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// wrote checks a report of maps that were written.
func (r report) wrote(t *testing.T, setgroups string) {
	t.Helper()
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	if r.UIDs != r.Grant.UIDs.String() || r.GIDs != r.Grant.GIDs.String() {
		t.Errorf("the kernel shows %s | %s, granted were %s | %s", r.UIDs, r.GIDs, r.Grant.UIDs, r.Grant.GIDs)
	}
	if r.Groups != setgroups {
		t.Errorf("setgroups is %s, want %s", r.Groups, setgroups)
	}
	if r.Before || !r.After || r.Own {
		t.Errorf("MapsEqual: %v before, %v after, %v of ourselves", r.Before, r.After, r.Own)
	}
}

func TestUserWithSubIDs(t *testing.T) {
	needRoot(t)
	u := addUser(t, "t-userns")
	if out, err := exec.Command("getsubids", "t-userns").Output(); err != nil || len(out) == 0 {
		t.Skip("useradd: it grants no sub-ids here")
	}
	r := runAs(t, u, "write")
	r.wrote(t, "allow")
	g := r.Grant
	if g.User != "t-userns" || g.Source != SourceFiles || g.Single || g.Direct || g.UIDs.Size() != 65537 || g.GIDs.Size() != 65537 {
		t.Errorf("got %+v", g)
	}

	t.Run("one id", func(t *testing.T) {
		r := runAs(t, u, "single")
		r.wrote(t, "deny")
		if !r.Grant.Single || r.UIDs != "0 "+u.Uid+" 1" || r.GIDs != "0 "+u.Gid+" 1" {
			t.Errorf("got %s | %s", r.UIDs, r.GIDs)
		}
		if r.Child {
			t.Error("a namespace inside a base namespace passed for one")
		}
	})
	t.Run("no_new_privs", func(t *testing.T) {
		r := runAs(t, u, "write", "setpriv", "--no-new-privs")
		if !strings.Contains(r.Err, ErrNoNewPrivs.Error()) {
			t.Errorf("got %q", r.Err)
		}
	})
	t.Run("bounding set", func(t *testing.T) {
		// As root first: only root may shrink the bounding set.
		r := runAs(t, nil, "write", "setpriv", "--bounding-set=-setuid", "--reuid="+u.Uid, "--regid="+u.Gid, "--clear-groups")
		if !strings.Contains(r.Err, ErrNoCapability.Error()) || !strings.Contains(r.Err, "CAP_SETUID") {
			t.Errorf("got %q", r.Err)
		}
	})
	t.Run("another group", func(t *testing.T) {
		r := runAs(t, nil, "write", "setpriv", "--reuid="+u.Uid, "--regid=1", "--clear-groups")
		if !strings.Contains(r.Err, ErrRefused.Error()) || !strings.Contains(r.Err, "primary group") {
			t.Errorf("got %q", r.Err)
		}
	})
}

func TestUserWithoutSubIDs(t *testing.T) {
	needRoot(t)
	u := addUser(t, "t-userns-one", "--system")
	r := runAs(t, u, "write")
	r.wrote(t, "deny")
	g := r.Grant
	if !g.Single || g.Source != SourceSingle || g.User != "t-userns-one" || r.UIDs != "0 "+u.Uid+" 1" {
		t.Errorf("got %+v", g)
	}
	if !strings.Contains(g.Note, "fix: sudo usermod --add-subuids ") || !strings.HasSuffix(g.Note, " t-userns-one") {
		t.Errorf("note %q", g.Note)
	}
	if r.Child {
		t.Error("a namespace inside a base namespace passed for one")
	}
}

func TestRoot(t *testing.T) {
	needRoot(t)
	r := runAs(t, nil, "write")
	r.wrote(t, "allow")
	g := r.Grant
	if !g.Direct || g.Single || g.Source != SourceRoot || !strings.HasPrefix(r.UIDs, "0 0 1, 1 1 ") {
		t.Errorf("got %+v, %s", g, r.UIDs)
	}
	t.Run("without capabilities", func(t *testing.T) {
		r := runAs(t, nil, "write", "setpriv", "--bounding-set=-setfcap")
		if r.Grant.Direct || !r.Grant.Single || !strings.Contains(r.Grant.Note, "CAP_SETFCAP") {
			t.Errorf("got %+v", r.Grant)
		}
		if !strings.Contains(r.Err, ErrNoCapability.Error()) {
			t.Errorf("got %q", r.Err)
		}
	})
	t.Run("in a nested container", func(t *testing.T) {
		// Root of a namespace with two extents. It is root, with capabilities, from
		// the execve after the maps on.
		maps := IDMap{{0, 0, 1}, {1, 200000, 65536}}
		outer := Grant{UIDs: maps, GIDs: maps, Direct: true}
		t.Setenv(actEnv, "write")
		child, err := startChild("sh", "-c", "read line && exec "+selfCopy(t))
		if err != nil {
			t.Fatal(err)
		}
		defer child.end()
		if err := outer.WriteMaps(t.Context(), child.pid); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(child.in, "go\n"); err != nil {
			t.Fatal(err)
		}
		var r report
		if err := json.NewDecoder(child.out).Decode(&r); err != nil {
			t.Fatal(err)
		}
		r.wrote(t, "allow")
		if !r.Grant.Direct || r.UIDs != "0 0 1, 1 1 65536" {
			t.Errorf("got %+v, %s", r.Grant, r.UIDs)
		}
	})
}

func TestWriteDirectlyFails(t *testing.T) {
	needRoot(t)
	child, err := startChild("cat")
	if err != nil {
		t.Fatal(err)
	}
	g, err := Lookup(t.Context())
	if err != nil || !g.Direct {
		child.end()
		t.Skipf("root: not root enough: %+v, %v", g, err)
	}
	if err := g.WriteMaps(t.Context(), child.pid); err != nil {
		t.Error(err)
	}
	if err := g.WriteMaps(t.Context(), child.pid); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "has a map already") {
		t.Errorf("written twice: %v", err)
	}
	child.end()
	if err := g.WriteMaps(t.Context(), child.pid); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("of a dead process: %v", err)
	}
	if g.MapsEqual(child.pid) {
		t.Error("a dead process has maps")
	}
}

// What is mounted over /proc or over a file of it is not taken for procfs
// (CVE-2019-16884, CVE-2025-52881).
func TestCoveredProc(t *testing.T) {
	needRoot(t)
	for _, c := range []struct{ name, mount, says string }{
		{"a false /proc", "mkdir $d/self && echo 0 0 1 > $d/self/uid_map && mount --bind $d /proc", ErrNotProcfs.Error()},
		{"a false map", "echo 0 0 1 > $d/map && mount --bind $d/map /proc/$$/uid_map", "invalid cross-device link"},
		{"a map of another process", "mount --bind /proc/1/gid_map /proc/$$/uid_map", "invalid cross-device link"},
		{"pids of another namespace", "", "another pid namespace"},
	} {
		t.Run(c.name, func(t *testing.T) {
			flags := "-m"
			if c.mount == "" {
				flags, c.mount = "-mpf", "true"
			}
			script := "d=" + t.TempDir() + " && " + c.mount + ` && exec "$0"`
			if r := runAs(t, nil, "write", "unshare", flags, "sh", "-c", script); !strings.Contains(r.Err, c.says) {
				t.Errorf("got %q, want %q", r.Err, c.says)
			}
		})
	}
}
