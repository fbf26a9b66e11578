package main

import (
	"context"
	"fmt"
)

// Peak is the largest process of a pull, in MB.
type Peak struct {
	Program string  `json:"program"`
	First   float64 `json:"first_mb"` // of the first layer alone
	Whole   float64 `json:"whole_mb"` // of all layers
}

// measurePeaks pulls images of two sizes. The kernel counts the pages of the
// process that started it as those of a program, too, until the program has more:
// so this process, which is small, is the least that can be seen.
func (b *bench) measurePeaks(ctx context.Context, all []journey, reg registry, r *StorageReport) error {
	for _, j := range all {
		if j.name == downloadName {
			continue
		}
		progress("memory of a pull by %s", j.name)
		p := Peak{Program: j.name}
		for tag, to := range map[string]*float64{firstImage: &p.First, wholeImage: &p.Whole} {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			pull, remove := pullOf(j, reg.reference(tag))
			took, err := b.sampler.run(j.world, pull)
			if err == nil {
				*to = float64(took.RSS) / 1e6
				_, err = b.sampler.run(j.world, remove)
			}
			if err != nil {
				b.note("memory of a pull by %s: %s", j.name, oneLine(err))
			}
		}
		r.Peaks = append(r.Peaks, p)
	}
	return nil
}

// pullOf is how a program fetches an image, and how it removes it.
func pullOf(j journey, ref string) (pull, remove []string) {
	p := j.program.program
	if j.name == "skopeo" {
		return []string{p, "copy", "-q", "docker://" + ref, "containers-storage:" + ref}, []string{p, "delete", "containers-storage:" + ref}
	}
	return []string{p, "pull", "-q", ref}, []string{p, "rmi", ref}
}

// listed is how many images there are to list.
const listed = 1000

// measureLists lists many images.
func (b *bench) measureLists(ctx context.Context, o options, all []journey, r *StorageReport) error {
	_, n := o.storageRounds()
	var entries []entry
	for _, j := range all {
		if j.name != "coracle" && j.name != "podman" {
			continue
		}
		// The store has one image: a small one, whose layers all the others share.
		if _, err := b.sampler.run(j.world, []string{j.program.program, "load", "-q", "-i", b.world.path("whole.tar")}); err != nil {
			b.note("%s images: %s", j.name, oneLine(err))
			continue
		}
		if err := multiplyImages(j.world.data("containers", "storage", "overlay-images"), listed); err != nil {
			return fmt.Errorf("cannot fill %s's image store: %w", j.name, err)
		}
		entries = append(entries, entry{j.name, func() (sample, error) {
			return b.sampler.run(j.world, []string{j.program.program, "images"})
		}})
	}
	progress("images, %d of them", listed)
	series, err := rounds(ctx, n, entries)
	if err != nil {
		return err
	}
	for _, s := range series {
		if s.err != nil {
			b.note("%s images: %s", s.name, oneLine(s.err))
		}
	}
	r.Steps = append(r.Steps, Step{Title: fmt.Sprintf("images, with %d", listed), Rows: rowsOf(series)})
	return nil
}
