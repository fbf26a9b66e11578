//go:build containers_image_openpgp

package engine

import (
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/reexec"

	"coracle/storage/record"
)

// Store is the open image store, for the packages below this one, which do the
// work of the storage commands.
type Store struct {
	storage.Store
	// Sys is what the image library is told: platform, configuration files.
	Sys *types.SystemContext
	// Notes are lines for the user's eyes that opening gave: a fallback was taken.
	Notes []string
	// Data is the user's directory, storage.Paths: where what is removed is written
	// down, and where space is held in reserve. Empty: neither is done.
	Data string
}

// Helper runs this process as one of containers/storage's helpers if that is
// what it was started for, and tells whether it was. It must come first in main.
func Helper() bool { return reexec.Init() }

// Open opens the image store that the user's storage.conf names, as podman reads
// it (see the package comment). platform is os/arch[/variant], or empty for this
// machine's. errors.As finds a [record.Fault] in its errors.
func Open(platform string) (*Store, error) {
	e := &engine{req: record.Request{Platform: platform}, sleep: sleepFor}
	if err := ownMounts(); err != nil {
		return nil, err
	}
	if err := e.open(); err != nil {
		return nil, err
	}
	return &Store{Store: e.store, Sys: e.sys, Notes: e.notes}, nil
}

// Close lets go of the store. The library's own Shutdown is not called: it removes
// staging directories that nobody has locked, and those of other processes are
// made a moment before they are locked (drivers/overlay, pruneStagingDirectories).
// What it would unmount goes with this process' mount namespace.
func (s *Store) Close() error {
	s.Free()
	return nil
}
