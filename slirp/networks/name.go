package networks

import (
	"encoding/hex"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	idLength = 64
	// maxName leaves room in a file's name (NAME_MAX, 255) for what stands around it.
	maxName = 200
)

// reserved are the words that --network knows, or that docker and podman know there.
func reserved() []string {
	return []string{"none", "host", "private", "default", "container", "ns", "slirp", "slirp4netns", "pasta", "lxc-user-nic", "pod", "auto"}
}

// CheckName accepts the names that docker and podman accept:
// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 200 bytes, that --network does not know as
// something else. Errors: [ErrInvalid], besides [ErrReserved] for the latter.
func CheckName(name string) error {
	if !isName(name) {
		return fmt.Errorf("%w: name %.80q\n  fix: begin with a letter or digit; then letters, digits, and _.- follow, %d characters at most", ErrInvalid, name, maxName)
	}
	if slices.Contains(reserved(), name) {
		return fmt.Errorf("%w: %w: the name %q means something else to --network\n  fix: another name", ErrInvalid, ErrReserved, name)
	}
	return nil
}

func isName(name string) bool {
	ok := name != "" && len(name) <= maxName
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || i > 0 && (c == '_' || c == '.' || c == '-'))
	}
	return ok
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// random asks the kernel, getrandom(2). crypto/rand would do the same after
// self-tests that run at every start of the program.
func random(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Getrandom(b, 0)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("getrandom: %w", err)
		}
		b = b[max(n, 0):]
	}
	return nil
}

func newID() (string, error) {
	var raw [idLength / 2]byte
	err := random(raw[:])
	return hex.EncodeToString(raw[:]), err
}
