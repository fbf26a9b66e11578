//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"os"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
)

// A Taking is an image that is to come into the store.
type Taking struct {
	// What it is called in messages.
	What string
	Ref  types.ImageReference
	// Names it gets, complete; none: it is known by its id alone.
	Names []string
	// Digest that the manifest must have, if it is known.
	Digest digest.Digest
	// PolicyRef is what the signature policy knows the image by, when it is not Ref.
	PolicyRef types.ImageReference
	// Trusted images need no policy: they were made here.
	Trusted bool
	// IDs is record.Request.IDs.
	IDs string
	// Platform is the one to take, os/arch[/variant]; empty is this machine's of a
	// list, and any of an image. Errors: record.ErrPlatform.
	Platform string
	// Progress goes there; nil: nowhere.
	Progress *os.File
}

// Take brings an image into the store as a pull does, verified and with its
// layers bounded, and returns its id. What it has already is not read.
func (s *Store) Take(ctx context.Context, t Taking) (id string, notes []string, err error) {
	e := s.engine()
	sys := *s.Sys
	e.sys = &sys
	e.req = record.Request{Ref: t.What, IDs: t.IDs, Scratch: s.incoming()}
	if e.req.Platform, err = checkPlatform(t.Platform); err != nil {
		return "", nil, err
	}
	if err := checkRequest(&e.req); err != nil {
		return "", nil, err
	}
	choosePlatform(e.sys, e.req.Platform)
	if e.work, err = newScratch(s.incoming(), s.Store); err != nil {
		return "", nil, err
	}
	defer e.work.close()
	e.sys.BigFilesTemporaryDir = e.work.dir
	if t.Progress != nil {
		e.bars = newProgress(t.Progress, false)
		defer e.bars.close()
	}
	o := &origin{ref: t.Ref, names: t.Names, digest: t.Digest, policyRef: t.PolicyRef, trusted: t.Trusted, close: func() {}}
	id, _, err = e.fetch(ctx, o)
	return id, e.notes, err
}

// Scratch makes a directory for this run alone; done removes it, and so does
// the next engine if this one is killed.
func (s *Store) Scratch() (dir string, done func(), err error) {
	work, err := newScratch(s.incoming(), s.Store)
	if err != nil {
		return "", nil, err
	}
	return work.dir, work.close, nil
}

// Passing reports whether an error, of a registry or on the way to it, may be
// gone at the next try.
func Passing(err error) bool { return passing(err) }

// Explain makes an error fit for a person: what to do is said where that is
// known, and nothing in it can steer a terminal.
func Explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return &fault{record.ErrInternal, errors.New("interrupted")}
	}
	p := problemOf(ctx, err)
	return &fault{p.Kind, explained{p.Message, err}}
}

// explained is an error with better words.
type explained struct {
	text string
	err  error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.err }

// Roots are the directories that hold images and layers, the store's own first.
func (s *Store) Roots() ([]string, error) { return s.engine().roots() }

// LayerDirs are the directories that a layer's files lie in, the uppermost first.
func (s *Store) LayerDirs(id string) ([]string, error) {
	roots, err := s.Roots()
	if err != nil {
		return nil, err
	}
	layers, err := layerDirs(roots, id)
	var dirs []string
	for _, l := range layers {
		dirs = append(dirs, l.Diff)
	}
	return dirs, err
}

// LocalName is the name in the store for one found in an archive: as it is when
// it begins with a host, or under localhost/, as podman has it. ok is false for
// what is no name.
func LocalName(name string) (local string, ok bool) {
	names := localName(name)
	if len(names) == 0 {
		return "", false
	}
	return names[0], true
}
