//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/cmd/internal/imagelist"
	"coracle/storage/engine/images"
	"coracle/storage/record"
)

// imagesCommand is `coracle images`. Its usual forms are answered by the light
// program (cmd/coracle/images.go) while the catalog holds.
type imagesCommand struct {
	Name      string   `arg:"" optional:"" help:"Only images with such a name; * stands for any letters."`
	All       bool     `short:"a" help:"Intermediate images, too."`
	Digests   bool     `help:"Show digests."`
	Filter    []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Only such images: before, containers, dangling, digest, id, intermediate, label, readonly, reference, since, until."`
	Format    string   `placeholder:"TEMPLATE" help:"A Go template, \"table TEMPLATE\" or json."`
	History   bool     `help:"Show earlier names."`
	NoTrunc   bool     `help:"Whole ids."`
	NoHeading bool     `name:"noheading" short:"n" help:"No titles above the columns."`
	Quiet     bool     `short:"q" help:"Only ids."`
	Tree      bool     `hidden:"" help:"docker's."`
	Sort      string   `default:"created" help:"Order: created, id, repository, size or tag."`
}

func (c *imagesCommand) Run(ctx context.Context, s *session) error {
	if c.Tree {
		return fmt.Errorf("--tree is for one image at a time\n  fix: coracle image tree IMAGE; coracle image inspect --platform PLATFORM IMAGE for those of a list")
	}
	if c.Quiet && c.Format != "" {
		return fmt.Errorf("--quiet and --format contradict each other")
	}
	catalog, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	filter, err := c.filter(ctx, s, catalog)
	if err != nil {
		return err
	}
	var wanted []record.Entry
	for i := range catalog.Images {
		if filter.Match(&catalog.Images[i]) {
			wanted = append(wanted, catalog.Images[i])
		}
	}
	o := imagelist.Options{
		All: c.All || asksFor(c.Filter, "intermediate"), Quiet: c.Quiet, NoTrunc: c.NoTrunc, NoHeading: c.NoHeading, Digests: c.Digests,
		History: c.History, Sort: c.Sort, Now: time.Now(), Wanted: filter.Name,
	}
	rows, err := o.Rows(wanted)
	if err != nil {
		return err
	}
	switch f := strings.TrimSpace(c.Format); f {
	case "", "table":
		return o.Print(out(), rows)
	case "json":
		all, err := imagesJSON(rows, s)
		if err != nil {
			return err
		}
		return format.List{Format: f}.Print(out(), all)
	}
	return format.List{
		Format: c.Format, NoHeading: c.NoHeading,
		Headers: map[string]string{"ID": "IMAGE ID", "CreatedSince": "CREATED", "ReadOnly": "R/O"},
	}.Print(out(), rows)
}

func (c *imagesCommand) filter(ctx context.Context, s *session, catalog *record.Catalog) (*images.Filter, error) {
	facts, err := filterFacts(ctx, s, catalog, c.Filter)
	if err != nil {
		return nil, err
	}
	f, err := images.NewFilter(c.Filter, facts)
	if err != nil {
		return nil, err
	}
	if c.Name != "" {
		f.AddReference(c.Name)
	}
	return f, nil
}

// filterFacts looks at what the filters want to know, and at no more.
func filterFacts(ctx context.Context, s *session, catalog *record.Catalog, filters []string) (images.FilterFacts, error) {
	facts := images.FilterFacts{Now: time.Now()}
	if asksFor(filters, "containers") {
		used, err := s.usedImages()
		if err != nil {
			return facts, err
		}
		facts.Used = func(id string) bool { return len(used[id]) > 0 }
	}
	facts.Find = func(ref string) (*record.Entry, error) {
		store, err := s.store()
		if err != nil {
			return nil, err
		}
		img, err := images.Find(ctx, store, ref)
		if err != nil {
			return nil, err
		}
		for i := range catalog.Images {
			if catalog.Images[i].ID == img.ID {
				return &catalog.Images[i], nil
			}
		}
		return &record.Entry{ID: img.ID, Created: img.Created}, nil
	}
	return facts, nil
}

// asksFor tells whether one of the filters has the key.
func asksFor(filters []string, key string) bool {
	for _, f := range filters {
		if strings.HasPrefix(f, key+"=") || strings.HasPrefix(f, key+"!=") {
			return true
		}
	}
	return false
}

// imageJSON is an image as `podman images --format json` shows it.
type imageJSON struct {
	ID          string `json:"Id"`
	ParentID    string `json:"ParentId"`
	RepoTags    []string
	RepoDigests []string
	Size        int64
	SharedSize  int64
	VirtualSize int64
	Labels      map[string]string
	Containers  int
	ReadOnly    bool `json:",omitempty"`
	Dangling    bool `json:",omitempty"`
	Names       []string
	Digest      string
	History     []string
	Arch, Os    string `json:",omitempty"`
	Created     int64
	CreatedAt   string
}

// imagesJSON makes an object of each image, once.
func imagesJSON(rows []*imagelist.Row, s *session) ([]imageJSON, error) {
	used, err := s.usedImages()
	if err != nil {
		return nil, err
	}
	var all []imageJSON
	seen := make(map[string]bool)
	for _, r := range rows {
		e := r.Entry()
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		os, rest, _ := strings.Cut(e.Platform, "/")
		arch, _, _ := strings.Cut(rest, "/")
		all = append(all, imageJSON{
			ID: e.ID, ParentID: e.Parent, RepoTags: imagelist.RepoTags(e), RepoDigests: imagelist.RepoDigests(e),
			Size: e.Size, VirtualSize: e.Size, Labels: e.Labels, Containers: len(used[e.ID]), ReadOnly: e.ReadOnly, Dangling: e.Dangling(),
			Names: e.Names, Digest: e.Digest, History: e.History, Arch: arch, Os: os,
			Created: e.Created.Unix(), CreatedAt: e.Created.Format(time.RFC3339Nano),
		})
	}
	return all, nil
}
