package plan

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/userns/tape"
)

// withVolume adds a mount at /vol that comes from v.
func withVolume(v Volume, m specs.Mount) func(*Input) {
	return func(in *Input) {
		m.Destination = "/vol"
		in.Spec.Mounts = append(in.Spec.Mounts, m)
		in.Volumes = map[string]*Volume{"/vol": &v}
	}
}

var (
	aVolume = Volume{Data: "/home/u/data", Path: "volumes/v/_data", Name: "the volume v", Base: "/c/layer-0"}
	aBind   = specs.Mount{Type: "bind", Source: "/home/u/data/volumes/v/_data", Options: []string{"rbind", "rprivate"}}
	anImage = Volume{Stack: &Root{Dir: "/store/l", Lower: []string{"A", "B"}}, Name: "the image i", Base: "/c/layer-0"}
	anOver  = specs.Mount{Type: "overlay", Source: "image:i", Options: []string{"ro", "nosuid", "nodev"}}
)

func TestVolumeIsOpenedBeneath(t *testing.T) {
	p := mustPlan(t, withVolume(aVolume, aBind))
	inOrder(t, p.Host, `openat2(AT_FDCWD, "/home/u/data"`, `"volumes/v/_data", {O_PATH|O_CLOEXEC, RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS}`, "open_tree(%")
	for _, op := range p.Host {
		if op.Call == tape.OpenTree && strings.Contains(op.String(), "volumes/v") {
			t.Errorf("mounted by its path: %s", op)
		}
	}
	inOrder(t, p.Child, "at /vol", "options and propagation of /vol")
	part := aVolume
	part.Sub, part.File = "a/b", true
	p = mustPlan(t, withVolume(part, aBind))
	inOrder(t, p.Host, "RESOLVE_NO_SYMLINKS", `"a/b", {O_PATH|O_CLOEXEC, RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS}`, "open_tree(%")
	if at(p.Child, `mknodat(%`, `"vol"`) < 0 {
		t.Error("no place for a file")
	}
}

func TestLayeredVolume(t *testing.T) {
	p := mustPlan(t, withVolume(aVolume, specs.Mount{Type: "overlay", Source: aBind.Source}))
	inOrder(t, p.Host, `mkdirat(AT_FDCWD, "/c/layer-0"`, "RESOLVE_NO_SYMLINKS", "fchdir(%", "lowerdir=.,userxattr,upperdir=/c/layer-0/upper,workdir=/c/layer-0/work", "and its changes", "open_tree(%")
	own := Volume{Base: "/c/layer-0", Upper: "/u", Work: "/w"}
	p = mustPlan(t, withVolume(own, specs.Mount{Type: "overlay", Source: "/src", Options: []string{"lowerdir=/src", "upperdir=/u", "workdir=/w"}}))
	i := at(p.Host, "lowerdir=/src,userxattr,upperdir=/u,workdir=/w")
	if i < 0 || strings.Contains(p.Host[i].String(), "volatile") {
		t.Error("what outlives the container must be on disk when it ends")
	}
	if at(p.Host, `mkdirat(AT_FDCWD, "/u"`) >= 0 {
		t.Error("it makes directories of the user's")
	}
}

func TestImageMount(t *testing.T) {
	p := mustPlan(t, withVolume(anImage, anOver))
	inOrder(t, p.Host, `chdir("/store/l")`, "lowerdir=A:B,userxattr", `openat2(AT_FDCWD, "/c/layer-0/root"`, "open_tree(%")
	if i := at(p.Host, "lowerdir=A:B"); strings.Contains(p.Host[i].String(), "upperdir") {
		t.Error("an image that is read-only has an upper directory")
	}
	one := anImage
	one.Stack = &Root{Dir: "/store/l", Lower: []string{"A"}}
	p = mustPlan(t, withVolume(one, anOver))
	if at(p.Host, "lowerdir=A:/c/layer-0/none,userxattr") < 0 {
		t.Error("overlay wants two lower directories")
	}
	one.Stack = &Root{Dir: "/store/l", Lower: []string{"A"}, Upper: "upper"}
	p = mustPlan(t, withVolume(one, specs.Mount{Type: "overlay", Source: "image:i"}))
	if at(p.Host, "lowerdir=A,userxattr,upperdir=/c/layer-0/upper") < 0 {
		t.Error("a writable image has no upper directory")
	}
	part := anImage
	part.Sub = "etc/x"
	p = mustPlan(t, withVolume(part, anOver))
	inOrder(t, p.Host, `"/c/layer-0/root"`, `"etc/x", {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}`, "open_tree(%")
	// fuse-overlayfs answers only after all host operations.
	in := input(withVolume(part, anOver))
	in.Root.Fuse = "/usr/bin/fuse-overlayfs"
	if _, err := New(in); err == nil {
		t.Error("a part of an image is opened before anybody serves it")
	}
}
