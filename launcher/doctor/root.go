package doctor

import (
	"context"
	"fmt"

	"coracle/storage"
)

// dataTrial runs a probe in a new directory where containers are or will be.
func (e *exam) dataTrial(ctx context.Context, probe string) (data string, got outcome, trouble *finding) {
	paths, err := storage.FindPaths(e.UID, e.Getenv)
	if err != nil {
		f := lacks("cannot be tried: "+err.Error(), "")
		return "", got, &f
	}
	dir, remove, err := e.Scratch(paths.Data)
	if err != nil {
		f := lacks("cannot be tried: "+err.Error(), "make "+paths.Data+" writable: sudo chown \"$(id -u):$(id -g)\" "+quote(paths.Data))
		return paths.Data, got, &f
	}
	defer remove()
	got = e.probe(ctx, Trial{Name: probe, Flags: newUser | newNS, Map: true, Args: []string{dir}})
	if got.err != nil {
		f := blocked(got)
		return paths.Data, got, &f
	}
	return paths.Data, got, nil
}

// rootWay tells which way of making root file systems a launch finds, and keeps.
func rootWay(ctx context.Context, e *exam) finding {
	data, got, trouble := e.dataTrial(ctx, "native")
	if trouble != nil {
		return *trouble
	}
	if st, err := (&exam{Host: e.Host, store: data}).near(); err == nil {
		if name := storage.NetworkName(st.Type); name != "" {
			return lacks(fmt.Sprintf("%s is on %s, a network file system: containers are refused there", data, name), "export XDG_DATA_HOME=/a/directory/on/a/local/disk")
		}
	}
	s := got.step("native")
	if s.Err == 0 {
		return works("by the kernel's overlay in " + data)
	}
	const place = "export XDG_DATA_HOME=/a/directory/on/ext4/xfs/btrfs/tmpfs"
	why := fmt.Sprintf("overlay cannot be used in %s (%s)", data, s.Text)
	if _, err := e.LookPath("fuse-overlayfs"); err != nil {
		return lacks("copied for each container: "+why, place+"\nor: sudo apt install fuse-overlayfs")
	}
	if e.Open("/dev/fuse") != nil {
		return lacks("copied for each container: "+why+", and /dev/fuse does not open", place)
	}
	return lacks("served by fuse-overlayfs: "+why, place)
}

// near is the file system of the store's directory or of its nearest parent.
func (e *exam) near() (FileSystem, error) {
	st, _, err := e.storeFS()
	return st, err
}

// keepID tells whether images can be shown with other owners without a copy.
func keepID(ctx context.Context, e *exam) finding {
	data, got, trouble := e.dataTrial(ctx, "redirect")
	if trouble != nil {
		return *trouble
	}
	if s := got.step("redirect"); s.Err != 0 {
		return lacks("layers are copied for other owners, without their data where the file system of "+data+" clones files (btrfs, xfs)",
			"boot kernel 6.16 or later, and keep "+data+" on a file system with user.* attributes")
	}
	return works("images are shown with other owners without a copy of their data")
}
