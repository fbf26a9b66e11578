package storage

import (
	"context"
	"fmt"
)

// CopyRoot copies what overlay would show of layer directories, top first, into
// the empty directory dest, with the owners that UID and GID give: for hosts on
// which nothing else does. The data is shared where the file system clones
// files, and written anew elsewhere. Sync waits until it is on disk. Errors:
// [ErrNotMapped].
func (s *Shifter) CopyRoot(ctx context.Context, layersTopFirst []string, dest string, sync bool) error {
	report := func(files, bytes int64) {
		if s.Progress != nil {
			s.Progress(ShiftProgress{1, 1, files, bytes})
		}
	}
	c := &copier{shifter: s, report: report, noSync: !sync}
	if err := c.run(ctx, layersTopFirst, dest); err != nil {
		return fmt.Errorf("cannot copy the image's files: %w", err)
	}
	return nil
}
