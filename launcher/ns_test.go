package launcher

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/storage"
	"coracle/userns"
)

func TestNamespacesOf(t *testing.T) {
	c := func(id string, pid int) *containers.Container {
		return &containers.Container{Dir: &storage.Dir{ID: id, Name: id}, PID: pid}
	}
	me := c("me", os.Getpid())
	for _, n := range NamespacesOf(me, []*containers.Container{me, c("twin", os.Getpid()), c("stopped", 0)}) {
		if n.Inode == 0 || !n.Host || n.HostInode != n.Inode || len(n.Shared) != 0 {
			t.Errorf("%+v", n) // what is the host's is shared with everybody
		}
	}
	for _, n := range NamespacesOf(c("stopped", 0), []*containers.Container{me}) {
		if n.Inode != 0 || n.Host || n.HostInode == 0 || len(n.Shared) != 0 {
			t.Errorf("%+v", n)
		}
	}
}

func TestCapabilities(t *testing.T) {
	for hex, want := range map[string]string{"0": "none", "0000000000000021": "CHOWN,KILL", "000001ffffffffff": "full", "": "?", "xyz": "?"} {
		if got := Capabilities(hex); got != want {
			t.Errorf("%q: %q, want %q", hex, got, want)
		}
	}
}

func TestUppermost(t *testing.T) {
	if _, err := uppermost(os.Getpid()); !errors.Is(err, ErrOwnSpace) {
		t.Errorf("own: %v", err)
	}
	if _, err := uppermost(4194304); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nobody: %v", err)
	}
}

func TestVisitIDs(t *testing.T) {
	v := &Visit{uid: 7, gid: 8}
	m := userns.IDMap{{Inside: 0, Outside: 1000, Size: 10}}
	if err := v.mapped(m, m, true); err != nil || v.noRoot {
		t.Error(err, v.noRoot)
	}
	if err := v.mapped(m, userns.IDMap{{Inside: 0, Outside: 1, Size: 8}}, true); err == nil || !strings.Contains(err.Error(), "no gid 8") {
		t.Error(err)
	}
	rootless := userns.IDMap{{Inside: 7, Outside: 1, Size: 2}}
	if err := v.mapped(rootless, rootless, true); err != nil || !v.noRoot {
		t.Error(err, v.noRoot)
	}
	if err := v.mapped(rootless, rootless, false); err == nil {
		t.Error("a helper cannot become root of a namespace without root")
	}
}

// What is no request starts nothing.
func TestServeVisitRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		payload string
		fds     int
	}{
		"empty":         {"", 4},
		"version":       {"\x09" + strings.Repeat("\x00", 8), 4},
		"too few":       {v1 + strings.Repeat("\x00", 8), 3},
		"too many":      {v1 + strings.Repeat("\x00", 8), 6},
		"no operations": {v1 + strings.Repeat("\x00", 8), 4},
		"short":         {v1 + "\x00", 4},
	} {
		var fds []int
		for range tt.fds {
			fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, fd)
		}
		if err := serveVisit(conn{}, []byte(tt.payload), fds); !errors.Is(err, errRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewTerminal(t *testing.T) {
	master, slave, err := newTerminal()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	if _, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS); err != nil {
		t.Error(err)
	}
}
