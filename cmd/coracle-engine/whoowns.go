//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"

	"coracle/cmd/internal/format"
	"coracle/launcher/rootfs"
	"coracle/storage/engine/containerfs"
)

// whoownsCmd is `coracle whoowns`.
type whoownsCmd struct {
	Paths     []string `arg:"" name:"path" help:"Path of the host, or CONTAINER:PATH."`
	Container []string `short:"c" sep:"none" placeholder:"NAME" help:"Show what it is in this container instead of in all that run."`
	Format    string   `placeholder:"json|TEMPLATE" help:"Print as JSON, or through a Go template."`
	NoHeading bool     `name:"noheading" help:"Leave the titles out."`
}

// ownerRow says whose a file is in one place: on the host, in images, or in a
// container.
type ownerRow struct {
	Path  string `json:"path"`
	In    string `json:"in"` // "host", "image" or a container
	UID   string `json:"uid"`
	User  string `json:"user"`
	GID   string `json:"gid"`
	Group string `json:"group"`
}

// viewer is a container whose sight of owners is asked for.
type viewer struct {
	name  string
	root  containerfs.Root
	names containerfs.Names
}

func (c *whoownsCmd) Run(ctx context.Context, s *session) error {
	viewers, done, failed := c.viewers(ctx, s)
	defer done()
	hostNames := containerfs.Host().Names()
	rows := []ownerRow{}
	errs := []error{failed}
	for _, path := range c.Paths {
		uid, gid, err := s.owner(ctx, path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rows = append(rows, s.hostRow(path, uid, gid, hostNames))
		rows = append(rows, row(path, "image", int(uid), int(gid), containerfs.Names{}))
		for _, v := range viewers {
			u, g := v.root.Owners.Show(uid, gid)
			rows = append(rows, row(path, v.name, u, g, v.names))
		}
	}
	l := format.List{Format: c.Format, NoHeading: c.NoHeading, Default: "{{.Path}}\t{{.In}}\t{{.UID}}\t{{.User}}\t{{.GID}}\t{{.Group}}"}
	if len(rows) > 0 || c.Format != "" {
		errs = append(errs, l.Print(os.Stdout, rows))
	}
	return errors.Join(errs...)
}

// viewers are the containers named, else those that run.
func (c *whoownsCmd) viewers(ctx context.Context, s *session) (all []viewer, done func(), failed error) {
	var roots []*rootfs.Root
	done = func() {
		for _, r := range roots {
			r.Close()
		}
	}
	names := slices.Clone(c.Container)
	for _, p := range c.Paths { // a container whose file it is has a say, too
		if e := parseEndpoint(p); e.container != "" {
			names = append(names, e.container)
		}
	}
	if len(c.Container) == 0 {
		list, err := s.containers().List()
		if err != nil {
			return nil, done, err
		}
		for _, found := range list {
			if found.Running && found.PID > 0 {
				names = append(names, found.ID)
			}
		}
	}
	seen := map[string]bool{}
	for _, name := range names {
		r, err := s.root(ctx, name, rootfs.Files)
		if err != nil && !slices.Contains(c.Container, name) {
			continue // it ended just now, or the path that names it will say so
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		roots = append(roots, r)
		if id := r.Container.ID; !seen[id] {
			seen[id] = true
			all = append(all, viewer{nameOf(r), r.Root, r.Names()})
		}
	}
	return all, done, failed
}

func nameOf(r *rootfs.Root) string {
	if r.Container.Name != "" {
		return r.Container.Name
	}
	return format.ShortID(r.Container.ID)
}

// owner finds the base ids that a file belongs to.
func (s *session) owner(ctx context.Context, path string) (uid, gid uint32, err error) {
	e := parseEndpoint(path)
	if e.container == "" {
		return containerfs.Host().Owner(e.path)
	}
	r, err := s.root(ctx, e.container, rootfs.Files)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	return r.Owner(e.path)
}

// hostRow translates base ids to the host's.
func (s *session) hostRow(path string, uid, gid uint32, names containerfs.Names) ownerRow {
	u, okU := s.UIDs.ToOutside(uid)
	g, okG := s.GIDs.ToOutside(gid)
	r := row(path, "host", int(u), int(g), names)
	// The kernel shows 65534 for whatever this user namespace does not have
	// (overflowuid, user_namespaces(7)), and that may be one of its own as well.
	if !okU || uid == containerfs.Nobody {
		r.UID, r.User = "?", "nobody, or none of your ids"
	}
	if !okG || gid == containerfs.Nobody {
		r.GID, r.Group = "?", "nobody, or none of your ids"
	}
	return r
}

func row(path, in string, uid, gid int, names containerfs.Names) ownerRow {
	return ownerRow{path, in, strconv.Itoa(uid), name(names.Users, uid), strconv.Itoa(gid), name(names.Groups, gid)}
}

func name(names map[int]string, id int) string {
	if n := names[id]; n != "" {
		return n
	}
	return "-"
}
