package launcher

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"coracle/storage/record"
	"coracle/userns"
)

func TestForeignDirs(t *testing.T) {
	store, other := t.TempDir(), t.TempDir()
	mine, theirs := filepath.Join(store, "a/diff"), filepath.Join(other, "b/diff")
	for _, dir := range []string{mine + "/srv", theirs + "/etc/deep", theirs + "/run", theirs + "/srv"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("run", filepath.Join(theirs, "var")); err != nil {
		t.Fatal(err)
	}
	layers := []record.Layer{{Diff: mine}, {Diff: theirs}}
	targets := []string{"/etc/hostname", "/etc/hosts", "/etc/deep/x/y", "/run/.containerenv", "/proc", "/var/lock/x", "/none/x", "/../etc/passwd"}
	me := func(shift int) *userns.Grant {
		return &userns.Grant{
			UIDs: userns.IDMap{{Inside: 0, Outside: uint32(os.Getuid() + shift), Size: 1}},
			GIDs: userns.IDMap{{Inside: 0, Outside: uint32(os.Getgid() + shift), Size: 1}},
		}
	}
	if got := foreignDirs(layers, store, me(0), targets); got != nil {
		t.Errorf("one's own: %q", got)
	}
	got := foreignDirs(layers, store, me(1), targets)
	if want := []string{"etc", "etc/deep", "run"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := foreignDirs(layers[:1], store, me(1), []string{"/srv/x"}); got != nil {
		t.Errorf("the user's own store was looked at: %q", got)
	}
}
