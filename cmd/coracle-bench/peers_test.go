package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPeers(t *testing.T) {
	s := stage{root: "/b/root", bundles: "/b/bundles", coracle: "/b/coracle"}
	want := map[string]string{
		"coracle":         "/b/coracle run --rm --network none " + imageName + " true",
		"podman":          "podman run --rm --network=none " + imageName + " true",
		"crun":            "crun --cgroup-manager=disabled run --bundle /b/bundles/true bench-7",
		"crun unfiltered": "crun --cgroup-manager=disabled run --bundle /b/bundles/plain-true bench-7",
		"bwrap":           "bwrap --unshare-all --bind /b/root / --proc /proc --dev /dev true",
		"unshare":         "unshare -Urmpfiun --root /b/root --mount-proc true",
		floorName:         "true",
	}
	all := s.peers()
	if len(all) != len(want) || all[0].name != "coracle" {
		t.Errorf("%d peers, the first is %s", len(all), all[0].name)
	}
	for _, p := range all {
		for range 2 { // a command line must not change the next one
			if got := strings.Join(p.argv("7", trueCommand()...), " "); got != want[p.name] {
				t.Errorf("%s: %q, want %q", p.name, got, want[p.name])
			}
		}
	}
}

func TestLocate(t *testing.T) {
	if _, err := (peer{program: "no-such-program-anywhere"}).locate(); !errors.Is(err, errNotInstalled) {
		t.Errorf("found what is not there: %v", err)
	}
	p, err := peer{program: "sh"}.locate()
	if err != nil || !filepath.IsAbs(p.program) {
		t.Errorf("sh is %q, %v", p.program, err)
	}
	p.version = []string{"-c", "echo; echo sh 1.0; echo more"}
	w := &world{Home: t.TempDir()}
	if got := p.askVersion(w); got != "sh 1.0" {
		t.Errorf("version is %q", got)
	}
	p.version = []string{"-c", "exit 2"}
	if got := p.askVersion(w); !strings.Contains(got, "exit status 2") {
		t.Errorf("version is %q", got)
	}
}

func TestBuildStage(t *testing.T) {
	dir := t.TempDir()
	s := stage{root: filepath.Join(dir, "root"), bundles: filepath.Join(dir, "bundles")}
	_, err := s.build(testLayout(t), testGrant())
	check(t, err)
	found, err := filepath.Glob(filepath.Join(dir, "bundles", "*", "config.json"))
	check(t, err)
	var names []string
	for _, f := range found {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	slices.Sort(names)
	if want := []string{"plain-sleep", "plain-true", "sleep", "true"}; !slices.Equal(names, want) {
		t.Errorf("bundles are %v, want %v", names, want)
	}
}

func TestOnly(t *testing.T) {
	all := stage{}.peers()
	for list, want := range map[string]string{
		"":                  "coracle podman crun crun_unfiltered bwrap unshare no_container",
		"coracle":           "coracle",
		"unshare,podman":    "coracle podman unshare",
		"crun unfiltered,x": "coracle crun_unfiltered",
	} {
		var names []string
		for _, p := range only(all, list) {
			names = append(names, strings.ReplaceAll(p.name, " ", "_"))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q picks %s, want %s", list, got, want)
		}
	}
}
