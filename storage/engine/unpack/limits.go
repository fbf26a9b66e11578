package unpack

import (
	"errors"
	"fmt"
)

// Limits bound what a stream may ask for. A zero field is the default's.
type Limits struct {
	Entries  int64 // members of the archive
	Path     int   // bytes of a name or link target
	Extended int64 // bytes of headers before one entry: PAX records, long names
	Xattrs   int   // extended attributes of one entry
	Size     int64 // bytes unpacked, holes counted
	Ratio    int64 // bytes unpacked for each byte of the compressed stream …
	Free     int64 // … which counts beyond so many unpacked bytes
	Padding  int64 // bytes after the archive's end
}

// DefaultLimits are far beyond what real images have: the largest layers that
// people publish hold some 600,000 entries and 60 GB. Text compresses 4:1, logs
// 20:1; gzip's best is 1032:1, zstd's has no end.
func DefaultLimits() Limits {
	return Limits{
		Entries: 2_000_000, Path: 4095, Extended: 4 << 20, Xattrs: 256,
		Size: 256 << 30, Ratio: 250, Free: 512 << 20, Padding: 16 << 20,
	}
}

// recordSlack and recordEach bound all headers together, since each is kept for
// a push: so many bytes, and so many more for each entry. Real ones have
// 0.5 to 2 kB.
const recordSlack, recordEach = 64 << 20, 4 << 10

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ have, want *int64 }{
		{&l.Entries, &d.Entries}, {&l.Extended, &d.Extended}, {&l.Size, &d.Size},
		{&l.Ratio, &d.Ratio}, {&l.Free, &d.Free}, {&l.Padding, &d.Padding},
	} {
		if *f.have == 0 {
			*f.have = *f.want
		}
	}
	if l.Path == 0 {
		l.Path = d.Path
	}
	if l.Xattrs == 0 {
		l.Xattrs = d.Xattrs
	}
	return l
}

// The reasons to refuse a stream. Compare with errors.Is.
var (
	ErrLimit  = errors.New("over the limit")       // of [Limits]
	ErrFormat = errors.New("not a proper layer")   // no tar, or one that makes no sense
	ErrEscape = errors.New("outside of the layer") // a name with too many ".."
	// ErrSystem: the kernel lacks openat2(2), or a filter forbids it.
	ErrSystem = errors.New("openat2 is not available")
)

// An EntryError is an error with the entry that it is about.
type EntryError struct {
	Entry string // the name in the archive; "" before the first
	Err   error
}

// Error quotes the name: it is hostile.
func (e *EntryError) Error() string {
	if e.Entry == "" {
		return e.Err.Error()
	}
	name := e.Entry
	if len(name) > 200 {
		name = name[:200] + "…"
	}
	return fmt.Sprintf("entry %q: %v", name, e.Err)
}

// Unwrap returns the reason.
func (e *EntryError) Unwrap() error { return e.Err }

func limitf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrLimit}, args...)...)
}

func formatf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}
