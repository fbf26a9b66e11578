package volume

import (
	"errors"
	"fmt"

	"coracle/storage"
)

// ErrBadName says that a volume cannot have that name.
var ErrBadName = errors.New("invalid volume name")

// CheckName accepts the names that docker and podman accept:
// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. Errors: [ErrBadName].
func CheckName(name string) error {
	if storage.CheckName(name) != nil {
		return fmt.Errorf("%w %.80q\n  fix: begin with a letter or digit; then letters, digits, and _.- follow, 255 characters at most", ErrBadName, name)
	}
	return nil
}
