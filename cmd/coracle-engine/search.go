//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"coracle/cmd/internal/format"
	"coracle/storage/engine"
	"coracle/storage/engine/transfer"
)

// searchCommand is `coracle search`.
type searchCommand struct {
	registryFlags
	Limit      int      `help:"How many of each registry." default:"25" placeholder:"N"`
	Filter     []string `short:"f" sep:"none" help:"Only such images: stars=N, is-official[=BOOL], is-automated[=BOOL]." placeholder:"KEY=VALUE"`
	Format     string   `help:"A Go template, \"table TEMPLATE\" or json." placeholder:"TEMPLATE"`
	ListTags   bool     `help:"List the tags of a repository."`
	NoTrunc    bool     `help:"Whole descriptions."`
	Compatible bool     `help:"docker's columns: stars, official, automated."`

	Term string `arg:"" help:"What to look for; REGISTRY/TERM looks in one registry only."`
}

// searchRow is a line of the answer.
type searchRow struct {
	Index       string
	Name        string
	Description string
	Stars       int
	Official    string
	Automated   string
}

// tagRow is a line of --list-tags.
type tagRow struct{ Name, Tag string }

func (c *searchCommand) Run(ctx context.Context, s *session) error {
	if c.Limit < 1 {
		return fmt.Errorf("--limit %d is less than one", c.Limit)
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	access, err := c.access()
	if err != nil {
		return err
	}
	sys, err := access.Apply(store.Sys)
	if err != nil {
		return err
	}
	if err := engine.CheckAuthFile(sys); err != nil {
		return err
	}
	q := &transfer.Search{Sys: sys, Limit: c.Limit}
	if c.ListTags {
		return c.tags(ctx, q)
	}
	for _, f := range c.Filter {
		if err := q.Filter(f); err != nil {
			return err
		}
	}
	hits, why, err := q.Run(ctx, c.Term)
	if err != nil {
		return engine.Explain(ctx, err)
	}
	for _, w := range why {
		fmt.Fprintln(os.Stderr, "coracle:", engine.Explain(ctx, w))
	}
	list := format.List{Format: c.Format, Default: "{{.Name}}\t{{.Description}}"}
	if c.Compatible {
		list.Default += "\t{{.Stars}}\t{{.Official}}\t{{.Automated}}"
	}
	return list.Print(os.Stdout, c.rows(hits))
}

// widest is how much of a description podman shows.
const widest = 44

func (c *searchCommand) rows(hits []transfer.Hit) []searchRow {
	mark := map[bool]string{true: "[OK]"}
	rows := []searchRow{}
	for _, h := range hits {
		if short := format.Truncate(h.Description, widest); short != h.Description && !c.NoTrunc {
			h.Description = short + "..."
		}
		rows = append(rows, searchRow{h.Index, h.Name, h.Description, h.Stars, mark[h.Official], mark[h.Automated]})
	}
	return rows
}

func (c *searchCommand) tags(ctx context.Context, q *transfer.Search) error {
	if len(c.Filter) > 0 {
		return errors.New("--filter does not go with --list-tags")
	}
	name, tags, err := q.Tags(ctx, c.Term)
	if err != nil {
		return engine.Explain(ctx, err)
	}
	rows := []tagRow{}
	for _, t := range tags {
		rows = append(rows, tagRow{name, t})
	}
	return format.List{Format: c.Format, Default: "{{.Name}}\t{{.Tag}}"}.Print(os.Stdout, rows)
}
