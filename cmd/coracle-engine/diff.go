//go:build containers_image_openpgp

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"coracle/cmd/internal/format"
	"coracle/launcher/rootfs"
	"coracle/storage"
	"coracle/storage/engine/containerfs"
)

// diffCmd is `coracle diff`.
type diffCmd struct {
	Name   string `arg:"" name:"container|image" help:"Container, or image: name or id."`
	Other  string `arg:"" optional:"" name:"other container|image" help:"What to compare it with; else the image that it was made from, or the layers beneath its uppermost one."`
	Format string `placeholder:"json|TEMPLATE" help:"Print as JSON, or through a Go template."`
	Latest bool   `hidden:""`
}

// changeRow is one change as templates see it.
type changeRow struct{ Kind, Path string }

func (c *diffCmd) Run(ctx context.Context, s *session) error {
	if c.Latest {
		return errors.New("--latest: name the container")
	}
	var changes []containerfs.Change
	collect := func(change containerfs.Change) error {
		changes = append(changes, change)
		return nil
	}
	var err error
	if c.Other != "" {
		err = s.compare(ctx, c.Name, c.Other, collect)
	} else if err = s.changes(ctx, c.Name, func(c *rootfs.Changes) error { return c.List(ctx, collect) }); errors.Is(err, storage.ErrNoContainer) {
		err = s.imageChanges(ctx, c.Name, collect)
	}
	if err != nil {
		return err
	}
	slices.SortFunc(changes, func(a, b containerfs.Change) int { return strings.Compare(a.Path, b.Path) })
	return c.print(changes)
}

func (c *diffCmd) print(changes []containerfs.Change) error {
	if c.Format == "json" { // as podman's, with its empty lists left out
		words := map[containerfs.Kind]string{containerfs.Added: "added", containerfs.Modified: "changed", containerfs.Deleted: "deleted"}
		all := map[string][]string{}
		for _, change := range changes {
			all[words[change.Kind]] = append(all[words[change.Kind]], change.Path)
		}
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "     ")
		e.SetEscapeHTML(false)
		return e.Encode(all)
	}
	rows := make([]changeRow, len(changes))
	for i, change := range changes {
		rows[i] = changeRow{string(change.Kind), change.Path}
	}
	l := format.List{Format: c.Format, Default: "{{.Kind}} {{.Path}}", NoHeading: true}
	if c.Format == "" || c.Format == "table" {
		l.Format = "" // one blank, as docker and podman print it
		for _, r := range rows {
			fmt.Println(r.Kind + " " + visible(r.Path))
		}
		return nil
	}
	return l.Print(os.Stdout, rows)
}

// visible keeps a container's file names from steering the terminal.
func visible(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

// changes opens what a container changed of its image, and hands it to f.
func (s *session) changes(ctx context.Context, name string, f func(*rootfs.Changes) error) error {
	c, err := s.opener().Changes(ctx, name)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}
