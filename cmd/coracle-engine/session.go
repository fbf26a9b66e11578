//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"
	"os"

	"coracle/launcher/containers"
	"coracle/storage"
	"coracle/storage/engine"
	"coracle/storage/engine/images"
	"coracle/storage/record"
)

// session is one run of the program: for whom, and what it has opened.
type session struct {
	*record.Session
	opened *engine.Store
}

// store opens the image store, once.
func (s *session) store() (*engine.Store, error) {
	if s.opened != nil {
		return s.opened, nil
	}
	opened, err := engine.Open("")
	if err != nil {
		return nil, err
	}
	opened.Data = s.Data
	s.opened = opened
	return opened, nil
}

// image opens the image store and finds an image in it.
func (s *session) image(ctx context.Context, ref string) (*engine.Store, *engine.Image, error) {
	store, err := s.store()
	if err != nil {
		return nil, nil, err
	}
	img, err := images.Find(ctx, store, ref)
	return store, img, err
}

// taking is store for commands that bring images in: what is weaker than it could be
// is said there, and not again by each command that looks at the images.
func (s *session) taking() (*engine.Store, error) {
	store, err := s.store()
	if err != nil {
		return nil, err
	}
	for _, note := range store.Notes {
		fmt.Fprintln(os.Stderr, "coracle: "+note)
	}
	return store, nil
}

func (s *session) close() {
	if s.opened != nil {
		_ = s.opened.Close()
	}
}

// containers are the user's containers, seen from the base user namespace.
func (s *session) containers() containers.Set {
	return containers.Set{Containers: storage.Containers{Data: s.Data}, Inside: true}
}
