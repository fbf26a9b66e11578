//go:build containers_image_openpgp

package main

import (
	"strings"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/storage/engine"
	"coracle/storage/engine/images"
)

// event tells of something that has happened to an image or a volume.
func (s *session) event(kind, status, id, name string) {
	events.Write(s.Data, events.Event{Type: kind, Status: status, ID: strings.TrimPrefix(id, "sha256:"), Name: name})
}

// imageEvents tells of what has happened to each of the names; without any, to the id.
func (s *session) imageEvents(status, id string, names []string) {
	if len(names) == 0 {
		names = []string{"sha256:" + strings.TrimPrefix(id, "sha256:")}
	}
	for _, n := range names {
		s.event(events.Image, status, id, n)
	}
}

// removedEvents tells of images that are gone, and of names.
func (s *session) removedEvents(r images.Removed) {
	id := ""
	if len(r.Deleted) > 0 {
		id = r.Deleted[0]
	}
	for _, n := range r.Untagged {
		s.event(events.Image, events.Untag, id, n)
	}
	for _, d := range r.Deleted {
		s.event(events.Image, events.Remove, d, d)
	}
}

// pulledEvents tells of images that were fetched by one reference.
func (s *session) pulledEvents(store *engine.Store, ref string, ids []string) {
	for _, id := range ids {
		name := ref
		if img, err := store.Image(id); err == nil && len(ids) > 1 && len(img.Names) > 0 {
			name = img.Names[0]
		}
		s.event(events.Image, events.Pull, id, name)
	}
}

// containerEvent tells of something that has happened to a container.
func (s *session) containerEvent(x *containers.Container, status string, attributes map[string]string) {
	e := events.Event{Type: events.Container, Status: status, ID: x.ID, Name: x.Name, Image: x.Intent.Image, Attributes: attributes}
	if e.Attributes == nil {
		e.Attributes = x.Intent.Labels
	}
	events.Write(s.Data, e)
}
