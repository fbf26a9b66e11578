//go:build containers_image_openpgp

package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/storage/engine/images"
)

// history is `coracle history`.
type history struct {
	Image   string `arg:"" help:"Name or id."`
	Format  string `placeholder:"TEMPLATE" help:"A Go template, \"table TEMPLATE\" or json."`
	Human   bool   `short:"H" default:"true" negatable:"" help:"Sizes and times for people."`
	NoTrunc bool   `help:"Nothing shortened."`
	Quiet   bool   `short:"q" help:"Only ids."`

	Platform string `help:"The image for OS/ARCH[/VARIANT], where several of a list are in the store." placeholder:"PLATFORM"`
}

// historyRow is a step as templates see it.
type historyRow struct {
	ID, CreatedSince, CreatedAt, CreatedBy, Size, Comment string

	Tags []string
	step images.Step
}

// Created is CreatedSince, or CreatedAt with --human=false.
func (r historyRow) Created() string { return r.CreatedSince }

func (r historyRow) JSON() any {
	out := struct {
		ID        string    `json:"id"`
		Created   time.Time `json:"created"`
		CreatedBy string
		Size      int64    `json:"size"`
		Comment   string   `json:"comment,omitempty"`
		Tags      []string `json:"tags,omitempty"`
	}{cmp.Or(r.step.ID, missing), r.step.Created, r.step.CreatedBy, r.step.Size, r.step.Comment, r.step.Tags}
	return out
}

// missing stands for the id of a step that left no image.
const missing = "<missing>"

// shownBy is how much of a command the table shows.
const shownBy = 45

func (c *history) Run(ctx context.Context, s *session) error {
	store, img, err := s.image(ctx, c.Image)
	if err != nil {
		return err
	}
	if img, err = images.ForPlatform(store, img, c.Platform); err != nil {
		return err
	}
	all, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	steps, err := images.History(store, img, all)
	if err != nil {
		return err
	}
	rows := make([]historyRow, len(steps))
	for i, step := range steps {
		rows[i] = c.row(step)
	}
	list := format.List{
		Format: c.Format, Default: "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
		Headers: map[string]string{"CreatedSince": "CREATED"},
	}
	if c.Quiet {
		list.Format = "{{.ID}}"
	}
	return list.Print(out(), rows)
}

func (c *history) row(step images.Step) historyRow {
	r := historyRow{
		ID: cmp.Or(step.ID, missing), CreatedAt: step.Created.Format(time.RFC3339), CreatedBy: step.CreatedBy,
		Size: format.Size(step.Size), Comment: step.Comment, Tags: step.Tags, step: step,
	}
	r.CreatedSince = format.Age(step.Created, time.Now())
	if !c.Human {
		r.CreatedSince, r.Size = r.CreatedAt, fmt.Sprint(step.Size)
	}
	if !c.NoTrunc {
		if step.ID != "" {
			r.ID = format.ShortID(step.ID)
		}
		one := strings.Join(strings.Fields(step.CreatedBy), " ")
		if r.CreatedBy = one; len([]rune(one)) > shownBy {
			r.CreatedBy = format.Truncate(one, shownBy-3) + "..."
		}
	}
	return r
}
