package intent

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of failure, for errors.Is. The text a user reads is in the error that wraps them.
var (
	// ErrInvalid: a value cannot be parsed or is out of range.
	ErrInvalid = errors.New("invalid value")
	// ErrConflict: two things asked for exclude each other, or one thing was asked for twice.
	ErrConflict = errors.New("conflicting options")
	// ErrNotYet: docker or podman have it and this version does not.
	ErrNotYet = errors.New("not yet available in this version")
	// ErrUnsupported: this host, kernel or lack of privilege does not allow it.
	ErrUnsupported = errors.New("not possible here")
	// ErrNotFound: a user, group, file or device that was named does not exist.
	ErrNotFound = errors.New("not found")
)

// Error is what this package returns: a kind to test for, one line that says what failed and why, and,
// where there is one, what to type instead.
type Error struct {
	Kind error
	Msg  string
	Fix  string
}

// Error gives the message and, on a line of its own, the fix.
func (e *Error) Error() string {
	if e.Fix == "" {
		return e.Msg
	}
	return e.Msg + "\n  fix: " + e.Fix
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Kind }

func fail(kind error, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// fix adds the advice. Advice names commands and flags as they are typed.
func (e *Error) fix(format string, args ...any) *Error {
	e.Fix = fmt.Sprintf(format, args...)
	return e
}

func notYet(what, instead string) *Error {
	return &Error{Kind: ErrNotYet, Msg: "not yet available in this version: " + what, Fix: instead}
}

// invalid says that the value of a flag does not parse: `invalid --dns "x": why`.
func invalid(flag, value, why string) *Error {
	return fail(ErrInvalid, "invalid %s %q: %s", flag, value, why)
}

// conflict says that two flags exclude each other.
func conflict(a, b, why string) *Error {
	return fail(ErrConflict, "%s conflicts with %s: %s", a, b, why)
}

// commas splits the values of a flag that takes several in one. The parser of the command line could, but an
// empty value would then be none at all, and `--cap-drop "$UNSET"` would drop nothing and say nothing.
func commas(list []string) (out []string) {
	for _, s := range list {
		out = append(out, strings.Split(s, ",")...)
	}
	return out
}

// cutKey splits KEY=VALUE and refuses what no flag of that form may hold: an empty key, or a NUL byte, at
// which execve(2) and mount(2) would cut the string.
func cutKey(flag, s string) (key, value string, hasValue bool, err error) {
	key, value, hasValue = strings.Cut(s, "=")
	if key == "" {
		return "", "", false, invalid(flag, s, "the name before \"=\" is empty")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", "", false, invalid(flag, s, "it holds a NUL byte")
	}
	return key, value, hasValue, nil
}
