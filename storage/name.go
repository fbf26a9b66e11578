package storage

import (
	"errors"
	"fmt"
)

// ErrBadName says that a container name has characters it may not have.
var ErrBadName = errors.New("invalid container name")

const maxName = 255 // NAME_MAX: a name is a file name

// CheckName accepts what docker accepts: [a-zA-Z0-9][a-zA-Z0-9_.-]*, here of
// one character too and of at most 255. Errors: [ErrBadName].
func CheckName(name string) error {
	ok := name != "" && len(name) <= maxName
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || i > 0 && (c == '_' || c == '.' || c == '-'))
	}
	if !ok {
		return fmt.Errorf("%w %.80q\n  fix: begin with a letter or digit; then letters, digits, and _.- follow, 255 characters at most", ErrBadName, name)
	}
	return nil
}

// randomName makes a name such as "tidal_hero". After a collision a digit is
// added, as docker does.
func randomName(attempt int) (string, error) {
	var raw [3]byte
	if err := randomBytes(raw[:]); err != nil {
		return "", err
	}
	name := moods[int(raw[0])%len(moods)] + "_" + sailors[int(raw[1])%len(sailors)]
	if attempt > 0 {
		name += fmt.Sprint(int(raw[2]) % 10)
	}
	if attempt > 5 { // hundreds of containers: leave chance out of it
		id, err := NewID()
		return name + id[:8], err
	}
	return name, nil
}
