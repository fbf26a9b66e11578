package storage

// ReadSmall reads a regular file of at most limit bytes, and follows no link to
// it. Errors: fs.ErrNotExist, [ErrTooLarge], [ErrNotRegular].
func ReadSmall(path string, limit int64) ([]byte, error) { return readFact(path, limit) }
