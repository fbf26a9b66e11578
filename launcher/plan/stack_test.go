package plan

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func overlayVolume(in *Input) {
	in.Spec.Mounts = append(in.Spec.Mounts, specs.Mount{Destination: "/o", Type: "overlay", Source: "/srv", Options: []string{"upperdir=/v/upper", "workdir=/v/work"}})
}

// Each directory is a string of its own: names that mount(2) would trip over are
// as good as others, and many of them fit.
func TestDataLayers(t *testing.T) {
	p := mustPlan(t, func(in *Input) {
		in.Root.Dir, in.Root.Data = "/data,with:odd\\names", []string{"/store/overlay", "/other/overlay"}
		in.Root.Lower = nil
		for range 60 {
			in.Root.Lower = append(in.Root.Lower, strings.Repeat("x", 200))
		}
	})
	inOrder(t, p.Host, `fsopen("overlay"`, `"userxattr"`, "chdir(\"/data,with", `"lowerdir+"`,
		`chdir("/store/overlay")`, `"datadir+"`, `chdir("/other/overlay")`, `chdir("/c")`, `"upperdir", "upper"`, `"workdir", "work"`, `"volatile"`,
		"FSCONFIG_CMD_CREATE", "fsmount", `move_mount`, "open_tree(AT_FDCWD, \"/c/root\"")
	lower := 0
	for _, op := range p.Host {
		if strings.Contains(op.String(), `"lowerdir+"`) {
			lower++
		}
	}
	if lower != 60 || len(p.Servers) != 0 {
		t.Errorf("%d layers, servers %v", lower, p.Servers)
	}
	p = mustPlan(t, func(in *Input) { in.Root.Data, in.Root.Upper, in.Root.Volatile = []string{"/d"}, "", true })
	if at(p.Host, "upperdir") >= 0 || at(p.Host, "volatile") >= 0 {
		t.Error("a read-only root has an upper directory")
	}
}

func TestFuse(t *testing.T) {
	p := mustPlan(t, func(in *Input) { in.Root.Fuse = "/bin/fuse-overlayfs"; overlayVolume(in) })
	inOrder(t, p.Host, `"/dev/fuse"`, "dup3(", `fsopen("fuse"`, `"fd", "128"`, `"allow_other"`, `"default_permissions"`, "FSCONFIG_CMD_CREATE",
		`move_mount`, `open_tree(AT_FDCWD, "/c/root"`, `"fd", "129"`, `open_tree(AT_FDCWD, "/v/root"`)
	if at(p.Host, `fsopen("overlay"`) >= 0 || at(p.Host, `mount("overlay"`) >= 0 {
		t.Error("the kernel's overlay is used")
	}
	want := []Server{
		{FD: 128, Dir: "/store", Args: []string{"/bin/fuse-overlayfs", "-f", "-o", "lowerdir=l/A:l/B,upperdir=/c/upper,workdir=/c/work,volatile", "/dev/fd/3"}},
		{FD: 129, Dir: "/", Args: []string{"/bin/fuse-overlayfs", "-f", "-o", "lowerdir=/srv,upperdir=/v/upper,workdir=/v/work,volatile", "/dev/fd/3"}},
	}
	if !slices.EqualFunc(p.Servers, want, func(a, b Server) bool { return a.FD == b.FD && a.Dir == b.Dir && slices.Equal(a.Args, b.Args) }) {
		t.Errorf("%+v", p.Servers)
	}
	for _, odd := range []string{"/a,b/upper", "/a:b/upper", `/a\\b/upper`} {
		if _, err := New(input(func(in *Input) { in.Root.Fuse, in.Root.Upper = "/f", odd })); err == nil || !strings.Contains(err.Error(), odd) {
			t.Errorf("%s: %v", odd, err)
		}
	}
}

// What fails when overlay cannot be used is known by its reason.
func TestStackWhy(t *testing.T) {
	for name, change := range map[string]func(*Input){
		"usual": nil,
		"data":  func(in *Input) { in.Root.Data = []string{"/d"} },
		"fuse":  func(in *Input) { in.Root.Fuse = "/f" },
	} {
		found := false
		for _, op := range mustPlan(t, change).Host {
			found = found || strings.HasPrefix(op.Why, StackWhy)
		}
		if !found {
			t.Errorf("%s: no operation is marked", name)
		}
	}
}

// An image of somebody else's store: there is nowhere to make places in it.
func TestFresh(t *testing.T) {
	p := mustPlan(t, func(in *Input) { in.Root.Fresh = []string{"etc", "etc/deep"} })
	inOrder(t, p.Host, `mkdirat(AT_FDCWD, "/c/upper/etc", 0755) unless EEXIST`, `mkdirat(AT_FDCWD, "/c/upper/etc/deep", 0755) unless EEXIST`, `mount("overlay"`)
	p = mustPlan(t, func(in *Input) { in.Root.Fresh = nil })
	if at(p.Host, "/c/upper/etc") >= 0 {
		t.Error("a directory is made that is not needed")
	}
}
