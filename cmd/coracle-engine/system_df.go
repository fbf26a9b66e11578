//go:build containers_image_openpgp

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/storage/engine/health"
)

// systemDf is `coracle system df`.
type systemDf struct {
	Verbose bool   `short:"v" help:"Show every image, container and volume."`
	Format  string `help:"How to print: json, table TEMPLATE or a Go template."`
}

// dfRow is one line of the summary.
type dfRow struct {
	Type           string
	Total, Active  int
	RawSize        int64
	RawReclaimable int64
}

// TotalCount is what docker calls Total.
func (r dfRow) TotalCount() int { return r.Total }

// Size is RawSize in words.
func (r dfRow) Size() string { return format.Size(r.RawSize) }

// Reclaimable is RawReclaimable in words, and its share.
func (r dfRow) Reclaimable() string {
	share := int64(0)
	if r.RawSize > 0 {
		share = (r.RawReclaimable*100 + r.RawSize/2) / r.RawSize
	}
	return fmt.Sprintf("%s (%d%%)", format.Size(r.RawReclaimable), share)
}

// JSON is what docker and podman print.
func (r dfRow) JSON() any {
	return struct {
		Type, Size, Reclaimable string
		Total, Active           int
		RawSize, RawReclaimable int64
	}{r.Type, r.Size(), r.Reclaimable(), r.Total, r.Active, r.RawSize, r.RawReclaimable}
}

func (c *systemDf) Run(ctx context.Context, s *session) error {
	if c.Verbose && c.Format != "" {
		return errors.New("--verbose and --format contradict each other")
	}
	h, err := s.health()
	if err != nil {
		return err
	}
	u, err := h.Usage(ctx)
	if err != nil {
		return fmt.Errorf("cannot measure: %w", err)
	}
	if c.Verbose {
		return dfVerbose(u)
	}
	list := format.List{
		Format: c.Format, Default: "{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
		Headers: map[string]string{"Type": "TYPE", "Total": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE"},
	}
	return list.Print(os.Stdout, dfRows(u))
}

func dfRows(u *health.Usage) []dfRow {
	images := dfRow{Type: "Images", RawSize: u.Layers, RawReclaimable: u.FreeLayers}
	for _, i := range u.Images {
		if i.RepeatedName {
			continue
		}
		if images.Total++; i.Containers > 0 {
			images.Active++
		}
	}
	containers := dfRow{Type: "Containers", Total: len(u.Containers)}
	for _, k := range u.Containers {
		containers.RawSize += k.Size
		if k.Running {
			containers.Active++
		} else {
			containers.RawReclaimable += k.Size
		}
	}
	volumes := dfRow{Type: "Local Volumes", Total: len(u.Volumes)}
	for _, v := range u.Volumes {
		volumes.RawSize += v.Size
		if v.Links > 0 {
			volumes.Active++
		} else {
			volumes.RawReclaimable += v.Size
		}
	}
	return []dfRow{images, containers, volumes}
}

// The rows of --verbose, with podman's columns.
type (
	dfImage struct {
		Repository, Tag, ImageID, Created, Size, SharedSize, UniqueSize string
		Containers                                                      int
	}
	dfContainer struct {
		ContainerID, Image, Command, Size, Created, Status, Names string
		LocalVolumes                                              int
	}
	dfVolume struct {
		VolumeName string
		Links      int
		Size       string
	}
)

func dfVerbose(u *health.Usage) error {
	now := time.Now()
	images := []dfImage{}
	for _, i := range u.Images {
		repository, tag := splitName(i.Name)
		images = append(images, dfImage{
			repository, tag, format.ShortID(i.ID), format.Age(i.Created, now),
			format.Size(i.Size), format.Size(i.Shared), format.Size(i.Unique), i.Containers,
		})
	}
	slices.SortStableFunc(images, func(a, b dfImage) int { return cmp.Compare(a.Repository+":"+a.Tag, b.Repository+":"+b.Tag) })
	containers := []dfContainer{}
	for _, k := range u.Containers {
		status := "exited"
		if k.Running {
			status = "running"
		}
		containers = append(containers, dfContainer{
			ContainerID: format.ShortID(k.ID), Image: format.ShortID(k.Image), Command: askedFor(k.Command), LocalVolumes: k.Volumes,
			Size: format.Size(k.Size), Created: format.Age(k.Created, now), Status: status, Names: k.Name,
		})
	}
	slices.SortStableFunc(containers, func(a, b dfContainer) int { return cmp.Compare(a.Names, b.Names) })
	volumes := []dfVolume{}
	for _, v := range u.Volumes {
		volumes = append(volumes, dfVolume{v.Name, v.Links, format.Size(v.Size)})
	}
	for _, part := range []struct {
		title, columns string
		rows           any
	}{
		{"Images", "{{.Repository}}\t{{.Tag}}\t{{.ImageID}}\t{{.Created}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}", images},
		{"Containers", "{{.ContainerID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.Created}}\t{{.Status}}\t{{.Names}}", containers},
		{"Local Volumes", "{{.VolumeName}}\t{{.Links}}\t{{.Size}}", volumes},
	} {
		fmt.Printf("%s space usage:\n\n", part.title)
		if err := (format.List{Default: part.columns}).Print(os.Stdout, part.rows); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// askedFor is what was asked to run, shortened.
func askedFor(command []string) string { return format.Truncate(strings.Join(command, " "), 40) }

// splitName is an image's name without and with only the tag.
func splitName(name string) (repository, tag string) {
	if name == "" {
		return "<none>", "<none>"
	}
	name, _, _ = strings.Cut(name, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		return name[:colon], name[colon+1:]
	}
	return name, "<none>"
}
