package launcher

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/storage/record"
	"coracle/storage/volume"
	"coracle/userns"
)

// VolumeName is the argv[0] under which the program fills volumes and changes
// the owners of their files: it needs mapped root for that. Once a volume is
// filled no launch needs it.
const VolumeName = "coracle-volume"

// volumeRequest is its standard input, one JSON value.
type volumeRequest struct {
	Data       string
	UIDs, GIDs userns.IDMap
	// Same: image ids are base ids.
	Same  bool
	Quiet bool
	Fill  []volume.Filling
	Chown []chownRequest
}

// chownRequest asks for the option U: for a volume, or for a path of the host.
type chownRequest struct {
	Volume, Path string
	UID, GID     uint32
}

// chowns notes what the option U was given for.
func (l *launch) chowns() error {
	for _, dest := range l.extras.Chown {
		uid, gid, err := l.processOwner()
		if err != nil {
			return fmt.Errorf("option U at %s: %w", dest, err)
		}
		r := chownRequest{Path: l.mountAt(dest).Source, UID: uid, GID: gid}
		if real, err := filepath.EvalSymlinks(r.Path); err == nil {
			r.Path = real // with more power than the user's no link is followed
		}
		for _, u := range l.extras.Volumes {
			if u.Destination == dest {
				r.Volume = u.Name
			}
		}
		if r.Volume != "" && l.places[dest] == nil {
			r.Volume = "" // a bind that is called a volume
		}
		if m := l.mountAt(dest); m.Type == "tmpfs" {
			return fmt.Errorf("option U at %s: the volume is a tmpfs, which has an owner from its options uid= and gid=", dest)
		}
		l.todo.Chown = append(l.todo.Chown, r)
	}
	return nil
}

// work has the helper do what was noted.
func (l *launch) work(ctx context.Context) error {
	r := l.todo
	if len(r.Fill)+len(r.Chown) == 0 || l.options.Explain {
		return nil
	}
	maps := l.mapsSeen()
	r.Data, r.UIDs, r.GIDs, r.Same, r.Quiet = l.paths.Data, maps.UIDs, maps.GIDs, !l.moved(), l.options.Quiet
	request, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return l.helper(ctx, VolumeName, request)
}

// Volumes is the main function of [VolumeName].
func Volumes() int {
	return helperMain(func(ctx context.Context) error {
		var r volumeRequest
		if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
			return fmt.Errorf("cannot read the request: %w", err)
		}
		return r.run(ctx)
	})
}

func (r volumeRequest) run(ctx context.Context) error {
	unix.Umask(0)
	s := volume.Store{Data: r.Data}
	m := userns.Maps{UIDs: r.UIDs, GIDs: r.GIDs, Host: r.Same}
	shift := &storage.Shifter{UID: m.ShiftUID, GID: m.ShiftGID}
	for _, f := range r.Fill {
		if !r.Quiet {
			shift.Note = func(text string) { fmt.Fprintf(os.Stderr, "coracle: volume %s: %s\n", f.Volume, text) }
		}
		f.Shift = shift
		if err := s.Fill(ctx, f); err != nil {
			return err
		}
	}
	for _, c := range r.Chown {
		if err := c.run(ctx, s); err != nil {
			return fmt.Errorf("cannot give %s to the container's user (option U): %w", c.Path, err)
		}
	}
	return nil
}

func (c chownRequest) run(ctx context.Context, s volume.Store) error {
	var dir int
	var err error
	if c.Volume != "" {
		v, err := s.Get(c.Volume)
		if err != nil {
			return err
		}
		if dir, err = s.OpenData(v); err != nil {
			return err
		}
	} else {
		how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
		if dir, err = unix.Openat2(unix.AT_FDCWD, c.Path, &how); err != nil {
			return &os.PathError{Op: "open", Path: c.Path, Err: err}
		}
	}
	defer unix.Close(dir)
	return volume.Chown(ctx, dir, c.UID, c.GID)
}

// openImages finds the images of --mount type=image.
func (l *launch) openImages(ctx context.Context, d *storage.Dir) error {
	for _, u := range l.extras.Images {
		if l.way == storage.RootCopy {
			return fmt.Errorf("cannot mount the image %s at %s: overlay does not work on this host\n  fix: coracle doctor", u.Image, u.Destination)
		}
		image, err := l.imageOf(ctx, l.mountedBefore(u))
		if err != nil {
			return fmt.Errorf("cannot mount an image at %s: %w", u.Destination, err)
		}
		stack, dirs, err := l.stackOf(ctx, image)
		if err != nil {
			return fmt.Errorf("cannot mount the image %s at %s: %w", u.Image, u.Destination, err)
		}
		if u.Writable {
			stack.Upper = "upper"
		}
		l.imageIDs[u.Destination] = image.ID
		view := storage.NewView(dirs)
		l.views[u.Destination] = view
		p := &plan.Volume{Stack: stack, Sub: u.Subpath, Base: l.base(d, len(l.places)), Name: "the image " + u.Image}
		if u.Subpath != "" {
			_, mode, exists, err := view.Resolve(u.Subpath)
			if err != nil || !exists {
				return fmt.Errorf("cannot mount %s of the image %s at %s: it is not there", u.Subpath, u.Image, u.Destination)
			}
			p.File = !mode.IsDir()
		}
		l.places[u.Destination] = p
	}
	return nil
}

// mountedBefore names the image: of a container that is started again the one that
// had the name when it was made.
func (l *launch) mountedBefore(u intent.ImageMount) string {
	if l.again == nil {
		return u.Image
	}
	claim, _ := volume.ReadClaim(l.again.dir)
	for _, m := range claim.Mounts {
		if m.Destination == u.Destination && m.ImageID != "" {
			return m.ImageID
		}
	}
	return u.Image
}

// stackOf tells how to mount an image so that its owners show as the image has
// them, as those of the container's own image do.
func (l *launch) stackOf(ctx context.Context, image *record.Record) (stack *plan.Root, dirs []string, err error) {
	own, shifted := l.image, l.shifted
	defer func() { l.image, l.shifted = own, shifted }()
	l.image, l.shifted = image, nil
	dirs = l.layers()
	if err := l.shift(ctx); err != nil {
		return nil, nil, err
	}
	stack = &plan.Root{Dir: image.Dir}
	if l.shifted == nil {
		for _, layer := range image.Layers {
			stack.Lower = append(stack.Lower, layer.Link)
		}
		return stack, dirs, nil
	}
	stack.Dir, stack.Data = filepath.Dir(l.shifted.Layers[0]), l.shifted.Data
	for _, layer := range l.shifted.Layers {
		stack.Lower = append(stack.Lower, filepath.Base(layer))
	}
	l.locks = append(l.locks, l.shifted.Lock)
	return stack, dirs, nil
}
