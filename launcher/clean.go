package launcher

import (
	"context"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"coracle/launcher/events"
	"coracle/storage"
	"coracle/storage/volume"
)

// clean removes what is left of a container. The caller has its answer already;
// whatever cannot be removed now is garbage that a later sweep finds.
func (s *supervisor) clean() {
	s.leaveGroup()
	s.leaveAll()
	for _, m := range s.req.Mounts {
		_ = unix.Unmount(m, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	s.stopServers()
	if s.req.Dir == "" {
		return
	}
	c := storage.Containers{Data: s.req.Data}
	d := &storage.Dir{ID: filepath.Base(s.req.Dir), Path: s.req.Dir, Keep: s.req.Keep, Name: s.req.Name, Lock: os.NewFile(uintptr(s.lock), "lock")}
	ctx := context.Background()
	if !s.req.Keep {
		if c.Trash(d) == nil {
			if !s.started.IsZero() {
				s.event(events.Remove, nil)
			}
			releaseVolumes(c, d)
			_ = c.Empty(ctx, d)
		}
	} else {
		d.Lock.Close() // it is as it will stay: whoever wants to remove it may
	}
	_ = volume.Store{Data: s.req.Data}.Sweep(ctx)
	_ = c.ReapScratch(ctx)
}
