package imagelist

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"coracle/cmd/internal/text"
	"coracle/storage/record"
)

// Options are the flags of `coracle images` that need no store.
type Options struct {
	All       bool
	Quiet     bool
	NoTrunc   bool
	NoHeading bool
	Digests   bool
	History   bool
	Sort      string // "" is created
	Now       time.Time
	// Wanted, when not nil, tells which names of an image are rows.
	Wanted func(name string) bool
}

// Rows makes the rows. Errors: an unknown Sort.
func (o Options) Rows(images []record.Entry) ([]*Row, error) {
	rows := make([]*Row, 0, len(images))
	for i := range images {
		e := &images[i]
		if e.Intermediate && !o.All {
			continue
		}
		names := e.Names
		if len(names) == 0 {
			names = []string{none}
		}
		for _, name := range names {
			if o.Wanted != nil && len(e.Names) > 0 && !o.Wanted(name) {
				continue
			}
			r := &Row{entry: e, now: o.Now, noTrunc: o.NoTrunc, Size: text.Size(e.Size), Digest: e.Digest, ReadOnly: e.ReadOnly}
			r.Repository, r.Tag = Split(name)
			if r.Digest == "" {
				r.Digest = none
			}
			rows = append(rows, r)
		}
	}
	less, ok := orders()[cmp.Or(o.Sort, "created")]
	if !ok {
		return nil, fmt.Errorf("--sort %q is none of created, id, repository, size, tag", o.Sort)
	}
	slices.SortStableFunc(rows, func(a, b *Row) int {
		if d := less(a, b); d != 0 {
			return d
		}
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.entry.ID, b.entry.ID))
	})
	return rows, nil
}

func orders() map[string]func(a, b *Row) int {
	return map[string]func(a, b *Row) int{
		"created":    func(a, b *Row) int { return b.entry.Created.Compare(a.entry.Created) },
		"id":         func(a, b *Row) int { return cmp.Compare(a.entry.ID, b.entry.ID) },
		"repository": func(a, b *Row) int { return cmp.Compare(a.Repository, b.Repository) },
		"size":       func(a, b *Row) int { return cmp.Compare(a.entry.Size, b.entry.Size) },
		"tag":        func(a, b *Row) int { return cmp.Compare(a.Tag, b.Tag) },
	}
}

// Print writes the table, or with Quiet the ids, each once.
func (o Options) Print(w io.Writer, rows []*Row) error {
	if o.Quiet {
		return printIDs(w, rows)
	}
	columns := o.columns(rows)
	var titles []string
	cells := make([][]string, len(rows))
	for _, c := range columns {
		titles = append(titles, c.title)
	}
	if o.NoHeading {
		titles = nil
	}
	for i, r := range rows {
		for _, c := range columns {
			cells[i] = append(cells[i], c.cell(r))
		}
	}
	return text.Table(w, titles, cells)
}

func printIDs(w io.Writer, rows []*Row) error {
	var b strings.Builder
	seen := make(map[string]bool, len(rows))
	for _, r := range rows {
		if id := r.ID(); !seen[id] {
			seen[id] = true
			b.WriteString(id + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type column struct {
	title string
	cell  func(*Row) string
}

func (o Options) columns(rows []*Row) []column {
	all := []column{
		{"REPOSITORY", func(r *Row) string { return r.Repository }},
		{"TAG", func(r *Row) string { return r.Tag }},
	}
	if o.Digests {
		all = append(all, column{"DIGEST", func(r *Row) string { return r.Digest }})
	}
	all = append(all, column{"IMAGE ID", (*Row).ID}, column{"CREATED", (*Row).CreatedSince}, column{"SIZE", func(r *Row) string { return r.Size }})
	if o.History {
		all = append(all, column{"HISTORY", func(r *Row) string { return cmp.Or(r.History(), none) }})
	}
	if slices.ContainsFunc(rows, func(r *Row) bool { return r.ReadOnly }) {
		all = append(all, column{"R/O", func(r *Row) string { return fmt.Sprint(r.ReadOnly) }})
	}
	return all
}
