package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// A journey is what one program does with the images in one round, step by step.
// Steps without a title only prepare the next one, and are not shown.
type journey struct {
	name    string
	world   *world
	program peer
	steps   []step
}

// step is one command line.
type step struct {
	title string
	argv  []string
	// free: the step may fail; there may be nothing to remove.
	free bool
}

// Titles of the steps.
const (
	stepPull    = "pull, nothing there"
	stepAgain   = "pull, the image is there"
	stepPresent = "pull of another image, its layers are there"
	stepMap     = "run --userns keep-id, first time"
	stepMapped  = "run --userns keep-id, second time"
	stepCommit  = "commit of 1,000 files and 50 MB"
	stepSave    = "save, docker-archive"
	stepRemove  = "rmi"
	stepLoad    = "load, oci-archive"
)

func stepTitles() []string {
	return []string{stepPull, stepAgain, stepPresent, stepMap, stepMapped, stepCommit, stepSave, stepRemove, stepLoad}
}

// changeCommand is what the committed container did.
const changeCommand = "mkdir /srv/new; i=0; while [ $i -lt 1000 ]; do echo $i >/srv/new/$i; i=$((i+1)); done; head -c 50000000 /dev/urandom >/srv/big"

// places are the names that command lines hold.
type places struct {
	whole, sibling string // references in the registry
	archive        string // an oci-archive of the whole image
	saved          string // where save writes
}

// containerSteps are those of a program with docker's command line.
func containerSteps(program string, p places) []step {
	do := func(title string, args ...string) step {
		return step{title: title, argv: append([]string{program}, args...)}
	}
	maybe := func(args ...string) step { s := do("", args...); s.free = true; return s }
	run := []string{"run", "--rm", "--network=none", "--userns", "keep-id", p.whole, "true"}
	return []step{
		do(stepPull, "pull", "-q", p.whole),
		do(stepAgain, "pull", "-q", p.whole),
		do(stepPresent, "pull", "-q", p.sibling),
		do("", "rmi", p.sibling),
		do(stepMap, run...),
		do(stepMapped, run...),
		do("", "run", "--name", "changed", "--network=none", p.whole, "sh", "-c", changeCommand),
		do(stepCommit, "commit", "-q", "changed", "localhost/committed"),
		maybe("rm", "changed"),
		maybe("rmi", "localhost/committed"),
		maybe("rm-file", p.saved),
		do(stepSave, "save", "-q", "-o", p.saved, p.whole),
		do(stepRemove, "rmi", p.whole),
		do(stepLoad, "load", "-q", "-i", p.archive),
		maybe("rmi", "-f", "-a"),
	}
}

// skopeoSteps: it knows images, no containers.
func skopeoSteps(program string, p places) []step {
	copy := func(title, ref string) step {
		return step{title: title, argv: []string{program, "copy", "-q", "docker://" + ref, "containers-storage:" + ref}}
	}
	remove := func(title, ref string) step {
		return step{title: title, argv: []string{program, "delete", "containers-storage:" + ref}}
	}
	return []step{
		copy(stepPull, p.whole), copy(stepAgain, p.whole), copy(stepPresent, p.sibling),
		remove("", p.sibling), remove(stepRemove, p.whole),
	}
}

// floorScript downloads the blobs and then unpacks them, as mapped root, so that
// files get their owners: the work that no program can leave out.
func floorScript(r registry, m imgspec.Manifest) string {
	var b strings.Builder
	b.WriteString("set -e; mkdir -p floor/root; cd floor\n")
	for i, l := range m.Layers {
		fmt.Fprintf(&b, "curl -sSf -o %d '%s'\n", i, r.blobURL(l.Digest.String()))
	}
	for i := range m.Layers {
		fmt.Fprintf(&b, "tar -xpzf %d --numeric-owner --xattrs -C root\n", i)
	}
	return b.String()
}

// floorSteps make room first, which is nobody's work but this program's.
func floorSteps(unshare string, r registry, m imgspec.Manifest) []step {
	mapped := []string{unshare, "--map-root-user", "--map-auto", "sh", "-c"}
	return []step{
		{argv: append(mapped[:len(mapped):len(mapped)], "rm -rf floor")},
		{title: stepPull, argv: append(mapped[:len(mapped):len(mapped)], floorScript(r, m))},
	}
}

// travel takes all steps, and adds what they took to the tracks.
func (b *bench) travel(ctx context.Context, j journey, t *tracks) error {
	for _, s := range j.steps {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", ctx.Err())
		}
		if s.argv[1] == "rm-file" {
			_ = os.Remove(s.argv[2])
			continue
		}
		if s.title != "" {
			flush(j.world.Home) // nobody waits for what others wrote
		}
		took, err := b.sampler.run(j.world, s.argv)
		progress("  %6.2f s  %s, %s", took.Gone.Seconds(), j.name, cmp.Or(s.title, strings.Join(s.argv[1:], " ")))
		switch {
		case err == nil && s.title != "":
			t.add(s.title, j.name, took)
		case err != nil && s.title != "":
			t.fail(s.title, j.name, err)
			if s.title == stepPull {
				return nil // there is nothing to do the rest with
			}
		case err != nil && !s.free:
			t.fail(strings.Join(s.argv[1:], " "), j.name, err)
		}
	}
	return nil
}

// tracks are the samples of all journeys, by step and program.
type tracks struct {
	samples map[string]map[string][]sample
	errors  map[string]string // the first, by step and program
}

func newTracks() *tracks {
	return &tracks{samples: map[string]map[string][]sample{}, errors: map[string]string{}}
}

func (t *tracks) add(title, name string, s sample) {
	if t.samples[title] == nil {
		t.samples[title] = map[string][]sample{}
	}
	t.samples[title][name] = append(t.samples[title][name], s)
}

func (t *tracks) fail(title, name string, err error) {
	key := name + ", " + title
	if t.errors[key] == "" {
		t.errors[key] = oneLine(err)
	}
}

// flush waits until everything on dir's file system is on disk.
func flush(dir string) {
	f, err := os.Open(dir)
	if err != nil {
		return
	}
	defer f.Close()
	_ = unix.Syncfs(int(f.Fd()))
}
