package storage

import (
	"encoding/hex"
	"fmt"

	"golang.org/x/sys/unix"
)

const idLength = 64 // hexadecimal digits, as docker and podman have

// NewID makes a container id: 64 hexadecimal digits, 256 random bits.
func NewID() (string, error) {
	var raw [idLength / 2]byte
	if err := randomBytes(raw[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(raw[:]), nil
}

// ValidID reports whether s is a whole id as NewID makes them.
func ValidID(s string) bool { return len(s) == idLength && isHex(s) }

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// randomBytes asks the kernel, getrandom(2). crypto/rand would do the same
// after self-tests that run at every start of the program.
func randomBytes(buf []byte) error {
	for len(buf) > 0 {
		n, err := ignoringEINTR(func() (int, error) { return unix.Getrandom(buf, 0) })
		if err != nil {
			return fmt.Errorf("getrandom: %w", err)
		}
		buf = buf[n:]
	}
	return nil
}
