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

// measureLists lists many images: a small one, whose layers all the others share.
// Podman takes no part: looking for each image's children it compares all that
// share a layer with each other, which takes minutes here and would not with a
// thousand images that somebody really has.
func (b *bench) measureLists(ctx context.Context, o options, all []journey, r *StorageReport) error {
	small, archive := b.world.path("small"), b.world.path("small.tar")
	_, err := makeLayout(small)
	if err == nil {
		err = archiveLayout(archive, small)
	}
	if err != nil {
		return fmt.Errorf("cannot make a small image: %w", err)
	}
	_, n := o.storageRounds()
	progress("images, %d of them", listed)
	j := all[0]
	if _, err := b.sampler.run(j.world, []string{j.program.program, "load", "-q", "-i", archive}); err != nil {
		return fmt.Errorf("coracle load: %w", err)
	}
	if err := multiplyImages(j.world.data("containers", "storage", "overlay-images"), listed); err != nil {
		return fmt.Errorf("cannot fill the image store: %w", err)
	}
	s, err := rounds(ctx, n, []entry{{j.name, func() (sample, error) {
		return b.sampler.run(j.world, []string{j.program.program, "images"})
	}}})
	if err != nil {
		return err
	}
	if s[0].err != nil {
		b.note("images: %s", oneLine(s[0].err))
	}
	r.Steps = append(r.Steps, Step{Title: fmt.Sprintf("images, with %d", listed), Rows: rowsOf(s)})
	return nil
}
