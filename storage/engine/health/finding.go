//go:build containers_image_openpgp

package health

import (
	"context"
	"fmt"
)

// Kind is what a finding is about.
type Kind string

// The kinds of findings.
const (
	Leftover  Kind = "leftover"  // garbage that a killed process left; harmless
	Layer     Kind = "layer"     // damaged or missing
	Image     Kind = "image"     // damaged, or it stands on a damaged layer
	Container Kind = "container" // damaged, or without the image it needs
	Volume    Kind = "volume"    // without a record that can be read
	Directory Kind = "directory" // with an owner or a mode that lets others in
	Record    Kind = "record"    // an image record that leads nowhere
	Broken    Kind = "store"     // the store's own records cannot be read
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind Kind
	// Object is what it is about: an id, or a path.
	Object string
	// Problem says what is wrong, in words.
	Problem string
	// Loses says that mending removes something somebody may want back: a container
	// with what it wrote. That is done only when it was asked for.
	Loses bool `json:",omitempty"`
	// Podman says that the object is podman's.
	Podman bool `json:",omitempty"`

	// Foreign says that it is no damage: something that is nobody's, and is left alone.
	Foreign bool `json:",omitempty"`

	mend func(context.Context) error
}

// Remedy says what Repair will do, or did.
func (f Finding) Remedy(done bool) string {
	will, did, after := "--repair removes it", "removed", ""
	switch {
	case f.Foreign:
		return "it is left alone"
	case f.mend == nil && f.Kind == Broken:
		return "it cannot be put right here"
	case f.mend == nil:
		return "it lies in a store that is read-only here"
	case f.Kind == Container, f.Kind == Volume:
		will, after = "--repair --force removes it", ", with what it held"
	case f.Kind == Broken:
		will, did = "--repair --force puts it aside", "put aside"
	case f.Kind == Image:
		after = ": pull it again"
	case f.Kind == Layer:
		after = ": pull again what stood on it"
	case f.Kind == Directory:
		will, did = "--repair puts it right", "put right"
	case f.Kind == Record:
		after = ": the next launch makes it"
	}
	if done {
		return did + after
	}
	return will + after
}

// String is one line.
func (f Finding) String() string { return fmt.Sprintf("%s %s: %s", f.Kind, f.Object, f.Problem) }

// Options says how to look.
type Options struct {
	// Quick leaves out what reads every byte: checksums of layers.
	Quick bool
	// MaxAge, in hours and such, is how long a layer may be there without an image:
	// podman may be pulling it.
	MaxAge Age
	// Done is told what became of each finding, nil for nobody.
	Done func(Finding, error)
	// Lossy lets Repair remove damaged containers.
	Lossy bool
}
