package launcher

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/storage/volume"
)

// mounted is what a launch knows of its volumes and image mounts.
type mounted struct {
	places map[string]*plan.Volume // by destination
	views  map[string]*storage.View
	todo   volumeRequest
	locks  []*os.File // to be held while the container lives
	// imageIDs are the ids of the images mounted, by destination.
	imageIDs map[string]string
}

func (l *launch) closeViews() {
	for _, v := range l.views {
		v.Close()
	}
}

// mountsOf lists what another container has mounted, for --volumes-from. A
// container that is started again keeps what it got when it was made.
func (l *launch) mountsOf(name string) ([]volume.Mount, error) {
	if l.again != nil {
		claim, err := volume.ReadClaim(l.again.dir)
		return slices.DeleteFunc(claim.Mounts, func(m volume.Mount) bool { return m.From != name }), err
	}
	d, err := storage.Containers{Data: l.paths.Data}.Lookup(name)
	if err != nil {
		return nil, err
	}
	claim, err := volume.ReadClaim(d)
	return claim.Mounts, err
}

// prepareVolumes makes and fills the volumes that the specification names, and
// completes its mounts. With --explain it only looks.
func (l *launch) prepareVolumes(ctx context.Context, d *storage.Dir, view *storage.View) error {
	l.mounted = mounted{places: map[string]*plan.Volume{}, views: map[string]*storage.View{}, imageIDs: map[string]string{}}
	if len(l.extras.Asked) == 0 {
		return nil
	}
	if err := l.nameVolumes(); err != nil {
		return err
	}
	if err := l.openImages(ctx, d); err != nil {
		return err
	}
	if !l.options.Explain && l.again == nil {
		// Before any volume is looked at: see volume.Store.Hold.
		if err := l.claim(d); err != nil {
			return err
		}
	}
	if err := l.openVolumes(d, view); err != nil {
		return err
	}
	if err := l.chowns(); err != nil {
		return err
	}
	l.layeredBinds(d)
	return l.work(ctx)
}

// nameVolumes gives anonymous volumes their names, which a container that is
// started again has already.
func (l *launch) nameVolumes() error {
	var had volume.Claim
	if l.again != nil {
		var err error
		if had, err = volume.ReadClaim(l.again.dir); err != nil {
			return err
		}
	}
	for i := range l.extras.Volumes {
		u := &l.extras.Volumes[i]
		if u.Name != "" {
			continue
		}
		for _, m := range had.Mounts {
			if m.Anonymous && m.Destination == u.Destination {
				u.Name = m.Name
			}
		}
		if u.Name == "" {
			id, err := storage.NewID()
			if err != nil {
				return err
			}
			u.Name = id
		}
		l.mountAt(u.Destination).Source = "volume:" + u.Name
		l.anonymous = append(l.anonymous, u.Name)
	}
	return nil
}

// mountAt finds the specification's mount at a destination.
func (l *launch) mountAt(dest string) *specs.Mount {
	i := slices.IndexFunc(l.spec.Mounts, func(m specs.Mount) bool { return m.Destination == dest })
	return &l.spec.Mounts[i]
}

// claim writes down what this container has mounted.
func (l *launch) claim(d *storage.Dir) error {
	var c volume.Claim
	for _, dest := range l.extras.Asked {
		m := l.mountAt(dest)
		entry := volume.Mount{Type: m.Type, Source: m.Source, Destination: dest, Options: m.Options, From: l.extras.From[dest]}
		if name, ok := strings.CutPrefix(m.Source, "volume:"); ok {
			entry.Name, entry.Source, entry.Anonymous = name, "", slices.Contains(l.anonymous, name)
			if m.Type == "bind" {
				entry.Type = "volume"
			}
		}
		if ref, ok := strings.CutPrefix(m.Source, "image:"); ok {
			entry.Type, entry.Source = "image", ref
		}
		for _, u := range l.extras.Volumes {
			if u.Destination == dest {
				entry.Subpath = u.Subpath
			}
		}
		for _, u := range l.extras.Images {
			if u.Destination == dest {
				entry.Subpath, entry.ImageID = u.Subpath, l.imageIDs[dest]
			}
		}
		if m.Type != "devpts" {
			c.Mounts = append(c.Mounts, entry)
		}
	}
	fact, err := c.Fact()
	if err != nil {
		return err
	}
	unsynced := *d // the supervisor syncs after the start
	unsynced.Keep = false
	return unsynced.WriteFact(fact.Name, fact.Data)
}

// openVolumes finds or makes each volume.
func (l *launch) openVolumes(d *storage.Dir, view *storage.View) error {
	if len(l.extras.Volumes) == 0 {
		return nil
	}
	s := volume.Store{Data: l.paths.Data}
	if !l.options.Explain {
		hold, err := s.Hold()
		if err != nil {
			return err
		}
		defer hold.Close()
	}
	for i := range l.extras.Volumes {
		u := &l.extras.Volumes[i]
		v, err := l.openVolume(s, d, u)
		if err != nil {
			return fmt.Errorf("cannot mount a volume at %s: %w", u.Destination, err)
		}
		if err := l.useVolume(s, d, view, u, v); err != nil {
			return fmt.Errorf("cannot mount the volume %q at %s: %w", v.Name, u.Destination, err)
		}
	}
	return nil
}

func (l *launch) openVolume(s volume.Store, d *storage.Dir, u *intent.VolumeUse) (*volume.Volume, error) {
	p := volume.Params{Name: u.Name, Labels: u.Labels, Options: u.Options}
	if slices.Contains(l.anonymous, u.Name) {
		p.Anonymous, p.Owner, p.Throwaway = true, d.ID, !d.Keep
	}
	if l.options.Explain {
		return s.Imagine(p)
	}
	if u.MustExist {
		return s.Get(u.Name)
	}
	return s.Open(p)
}

// useVolume puts a volume into the specification.
func (l *launch) useVolume(s volume.Store, d *storage.Dir, view *storage.View, u *intent.VolumeUse, v *volume.Volume) error {
	local, err := volume.ParseOptions(v.Options)
	if err != nil {
		return err
	}
	m := l.mountAt(u.Destination)
	if local.Type != "" {
		if u.Subpath != "" || m.Type == "overlay" {
			return fmt.Errorf("its driver options make it a %s: neither a subpath nor O can be had of that", local.Type)
		}
		return l.localMount(s, d, m, v, local)
	}
	m.Source = filepath.Join(v.Mountpoint(), u.Subpath)
	p := &plan.Volume{Data: l.paths.Data, Path: v.Beneath(), Sub: u.Subpath, Name: "the volume " + v.Name, Base: l.base(d, len(l.places))}
	l.places[u.Destination] = p
	if l.options.Explain {
		return nil
	}
	f := volume.Filling{Volume: v.Name, Layers: l.layers(), Path: u.Destination, Copy: !u.NoCopy}
	if v.Needs(f.Copy) {
		if f.UID, f.GID, err = l.processOwner(); err != nil {
			return err
		}
		if !s.Settle(v, f, view, uint32(os.Geteuid()), !l.moved()) {
			l.todo.Fill = append(l.todo.Fill, f)
		}
	}
	if u.Subpath != "" {
		// Only its kind: what is mounted the kernel finds, beneath the volume.
		p.File = notDir(m.Source)
	}
	return nil
}

// base is where the overlay of a volume has its directories.
func (l *launch) base(d *storage.Dir, n int) string {
	return filepath.Join(d.Path, fmt.Sprintf("layer-%d", n))
}

// processOwner are the base ids of the user that the command runs as.
func (l *launch) processOwner() (uid, gid uint32, err error) {
	user := l.spec.Process.User
	return l.baseIDs(user.UID, user.GID)
}

func (l *launch) baseIDs(u, g uint32) (uid, gid uint32, err error) {
	maps := l.mapsSeen()
	if maps.Host || len(maps.UIDs) == 0 {
		return u, g, nil
	}
	uid, okU := maps.UIDs.ToOutside(u)
	gid, okG := maps.GIDs.ToOutside(g)
	if !okU || !okG {
		return 0, 0, fmt.Errorf("user %d:%d is not mapped", u, g)
	}
	return uid, gid, nil
}

// layeredBinds are binds with O and directories of the user for what changes.
func (l *launch) layeredBinds(d *storage.Dir) {
	for i := range l.spec.Mounts {
		m := &l.spec.Mounts[i]
		if m.Type != "overlay" || l.places[m.Destination] != nil {
			continue
		}
		v := &plan.Volume{Base: l.base(d, len(l.places))}
		for _, o := range m.Options {
			if dir, ok := strings.CutPrefix(o, "upperdir="); ok {
				v.Upper = dir
			}
			if dir, ok := strings.CutPrefix(o, "workdir="); ok {
				v.Work = dir
			}
		}
		if v.Upper != "" {
			l.places[m.Destination] = v
		}
	}
}
