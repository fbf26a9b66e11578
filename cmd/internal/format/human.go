package format

import (
	"time"

	"coracle/cmd/internal/text"
)

// Size is [text.Size].
func Size(n int64) string { return text.Size(n) }

// Age is [text.Age].
func Age(t, now time.Time) string { return text.Age(t, now) }

// Duration is [text.Duration].
func Duration(d time.Duration) string { return text.Duration(d) }

// ShortID is [text.ShortID].
func ShortID(id string) string { return text.ShortID(id) }

// Truncate is [text.Truncate].
func Truncate(s string, n int) string { return text.Truncate(s, n) }
