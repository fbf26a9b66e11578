//go:build containers_image_openpgp

package health

import (
	"time"

	"coracle/storage"
)

// Containers tells what containers there are. Package launcher reads the facts of
// containers, and imports this side of the house, so the command that has both
// brings them together.
type Containers interface {
	// List returns all containers: kept ones, and throw-away ones that are alive.
	List() ([]*Facts, error)
	// Lives tells that the process is there which had the pid and the start time
	// (field 22 of /proc/PID/stat, as text).
	Lives(pid int, start string) bool
}

// Facts are one container as it was when it was looked at.
type Facts struct {
	*storage.Dir
	// Running says that a supervisor held the container's lock.
	Running bool
	// Image is the id of the image that it was made of, or empty; Images are that
	// and those of images that it has mounted.
	Image  string
	Images []string
	// Command, Labels and Created are what was asked for, and when.
	Command []string
	Labels  map[string]string
	Created time.Time
	// Damage is why a stopped one cannot be started; its image is not looked at.
	Damage error
	// NeverStarted tells that a stopped one lacks a fact, has no trace of a first
	// process, and nothing in its upper layer: a launch was killed that wrote it.
	NeverStarted bool
}
