//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"coracle/cmd/internal/format"
	"coracle/storage/volume"
)

// volumeLs is `coracle volume ls`.
type volumeLs struct {
	Quiet     bool     `short:"q" help:"Names only."`
	Filter    []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Only what fits: name, label, label!, driver, opt, dangling, anonymous, until, since."`
	Format    string   `placeholder:"TEMPLATE" help:"How to print: json, table TEMPLATE or a Go template."`
	Noheading bool     `short:"n" help:"No column titles."`
}

func (c *volumeLs) Run(_ context.Context, s *session) error {
	if c.Quiet && c.Format != "" {
		return errors.New("--quiet and --format contradict each other")
	}
	filters, err := parseVolumeFilters(c.Filter, time.Now())
	if err != nil {
		return err
	}
	rows := []volumeRow{}
	err = eachVolume(s, func(v *volume.Volume, users int) {
		if fitsAll(filters, v, users) {
			rows = append(rows, newVolumeRow(v, users))
		}
	})
	if err != nil {
		return err
	}
	if c.Quiet {
		for _, r := range rows {
			fmt.Println(r.Name)
		}
		return nil
	}
	list := format.List{
		Format: c.Format, Default: "{{.Driver}}\t{{.Name}}", Headers: map[string]string{"Name": "VOLUME NAME"}, NoHeading: c.Noheading,
	}
	return list.Print(os.Stdout, rows)
}

// eachVolume calls f with every volume and how many containers name it.
func eachVolume(s *session, f func(v *volume.Volume, users int)) error {
	all, err := s.volumes().List()
	if err != nil {
		return err
	}
	users, err := s.volumes().Users()
	if err != nil {
		return err
	}
	for _, v := range all {
		f(v, len(users[v.Name]))
	}
	return nil
}
