package plan

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What lies in a read-only /dev or tmpfs is made before it becomes read-only.
func TestReadOnlyMemoryIsFilledFirst(t *testing.T) {
	p := mustPlan(t, func(in *Input) {
		in.Spec.Root.Readonly = true
		in.Spec.Mounts[1].Options = append(in.Spec.Mounts[1].Options, "ro")
		in.Spec.Mounts = append(in.Spec.Mounts,
			specs.Mount{Destination: "/ro", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro"}},
			specs.Mount{Destination: "/ro/sub", Type: "bind", Source: "/srv/y", Options: []string{"bind"}})
	})
	inOrder(t, p.Child, "a place for /dev/tty", "at /dev/pts", "at /ro\n", "at /ro/sub", "read-only, as asked", "pivot_root")
	n := 0
	for _, op := range p.Child {
		if op.Why == "read-only, as asked" {
			n++
		}
		if strings.HasPrefix(op.Call.String(), "fsmount") && strings.Contains(op.String(), "RDONLY") {
			t.Errorf("read-only from the start: %s", op)
		}
	}
	if n != 3 {
		t.Errorf("%d of root, /dev and /ro are made read-only", n)
	}
}

// Neither the caller's umask nor the host's later mounts have a say in what is made.
func TestNothingOfTheHostsHasASay(t *testing.T) {
	p := mustPlan(t, func(in *Input) {
		in.Spec.Mounts = append(in.Spec.Mounts, specs.Mount{Destination: "/over", Type: "overlay", Source: "/srv/z",
			Options: []string{"lowerdir=/srv/z", "upperdir=/c/volume-0/upper", "workdir=/c/volume-0/work"}})
	})
	inOrder(t, p.Host, "umask(0)", "mkdirat(AT_FDCWD, \"/c/volume-0\"")
	inOrder(t, p.Child, "a place for /dev/tty", "what the host mounts over its nodes does not appear here", "symlinkat")
	inOrder(t, p.Child, "move_mount", "umask(022)", "execve")
}

// The upper directory belongs to the root of whichever user namespace the
// container has.
func TestOwnerOfTheUpperDirectory(t *testing.T) {
	for want, change := range map[string]func(*Input){
		`fchownat(AT_FDCWD, "/c/upper", 1, 5, 0)`: func(in *Input) {
			in.Spec.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 1, Size: 10}}
			in.Spec.Linux.GIDMappings = []specs.LinuxIDMapping{{HostID: 5, Size: 10}}
		},
		`fchownat(AT_FDCWD, "/c/upper", 7, 8, 0)`: func(in *Input) {
			in.Spec.Linux.Namespaces[0].Path = "/proc/1/ns/user"
			in.Spec.Linux.UIDMappings, in.Spec.Linux.GIDMappings = nil, nil
			in.Root.UID, in.Root.GID = 7, 8
		},
	} {
		if p := mustPlan(t, change); at(p.Host, want) < 0 {
			t.Errorf("no %s", want)
		}
	}
	if p := mustPlan(t, nil); at(p.Host, "fchownat") >= 0 {
		t.Error("the user's own root gets another owner")
	}
}
