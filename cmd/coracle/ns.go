package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"coracle/cmd/internal/format"
	"coracle/cmd/internal/text"
	"coracle/launcher"
	"coracle/launcher/containers"
)

// NsCmd is `coracle ns`.
type NsCmd struct {
	Names  []string `arg:"" optional:"" name:"container" help:"Names or ids; all that run without. coracle ns run enters one."`
	Latest bool     `short:"l" help:"The container made last."`
	JSON   bool     `name:"json" help:"Print everything as JSON."`
	Format string   `placeholder:"TEMPLATE|json" help:"Print in another form."`
}

// Run shows namespaces: of the containers named one by one, else a table of all.
func (c *NsCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	list, err := all.List()
	if err != nil {
		return launcher.ExitFailed, err
	}
	views, errs := nsViews(all, list, c)
	switch {
	case c.JSON || c.Format != "":
		if c.JSON {
			c.Format = "json"
		}
		rows := []any{}
		for _, v := range views {
			rows = append(rows, v)
		}
		errs = append(errs, format.Inspect(os.Stdout, c.Format, rows))
	case len(c.Names) > 0 || c.Latest:
		for i, v := range views {
			if i > 0 {
				fmt.Println()
			}
			errs = append(errs, nsPrint(v))
		}
	default:
		errs = append(errs, nsMatrix(views))
	}
	return status(errs)
}

// nsViews are the views of what is asked for.
func nsViews(all *launcher.Containers, list []*containers.Container, c *NsCmd) (views []*launcher.NamespaceView, errs []error) {
	if len(c.Names) == 0 && !c.Latest {
		slices.SortFunc(list, func(a, b *containers.Container) int { return strings.Compare(a.Name, b.Name) })
		for _, x := range list {
			if x.PID == 0 {
				continue
			}
			v, err := all.View(x, list)
			if errors.Is(err, launcher.ErrNotRunning) {
				continue // it has ended meanwhile
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			views = append(views, v)
		}
		return views, errs
	}
	names, err := chosen(all, c.Names, false, c.Latest)
	if err != nil {
		return nil, []error{err}
	}
	for _, name := range names {
		x, err := all.Running(name)
		var v *launcher.NamespaceView
		if err == nil {
			v, err = all.View(x, list)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		views = append(views, v)
	}
	return views, errs
}

// nsPrint shows one container: its namespaces, ids and processes.
func nsPrint(v *launcher.NamespaceView) error {
	fmt.Printf("%s  %s  pid %d, supervisor %d\n", v.Name, format.ShortID(v.ID), v.PID, v.Supervisor)
	rows := [][]string{}
	for _, n := range v.Namespaces {
		with := strings.Join(n.Shared, ", ")
		if n.Host {
			with = "the host"
		}
		rows = append(rows, []string{n.Type, strconv.FormatUint(n.Inode, 10), strconv.FormatUint(n.HostInode, 10), with})
	}
	if err := text.Table(os.Stdout, []string{"NAMESPACE", "INODE", "HOST", "SHARED WITH"}, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for i := range max(len(v.UIDMap), len(v.GIDMap)) {
		row := []string{"", "", "", ""}
		if i < len(v.UIDMap) {
			e := v.UIDMap[i]
			row[0], row[1] = span(e.Inside, e.Size), span(e.Outside, e.Size)
		}
		if i < len(v.GIDMap) {
			e := v.GIDMap[i]
			row[2], row[3] = span(e.Inside, e.Size), span(e.Outside, e.Size)
		}
		rows = append(rows, row)
	}
	if err := text.Table(os.Stdout, []string{"UIDS", "ON THE HOST", "GIDS", "ON THE HOST"}, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for _, p := range v.Processes {
		rows = append(rows, []string{strconv.Itoa(p.PID), strconv.Itoa(p.HostPID), p.Command})
	}
	return text.Table(os.Stdout, []string{"PID", "ON THE HOST", "COMMAND"}, rows)
}

// span is a range of ids: "0", or "1-65536".
func span(first, size uint32) string {
	s := strconv.FormatUint(uint64(first), 10)
	if size > 1 {
		s += "-" + strconv.FormatUint(uint64(first)+uint64(size)-1, 10)
	}
	return s
}

// nsMatrix shows all running containers, a line each, and the host first. What is
// the host's says so, and * marks what containers share.
func nsMatrix(views []*launcher.NamespaceView) error {
	titles := []string{"CONTAINER", "PID"}
	host := []string{"(host)", ""}
	own := containers.Namespaces(0)
	for _, kind := range containers.NamespaceTypes() {
		titles = append(titles, strings.ToUpper(kind))
		host = append(host, strconv.FormatUint(own[kind], 10))
	}
	rows := [][]string{host}
	for _, v := range views {
		row := []string{v.Name, strconv.Itoa(v.PID)}
		for _, n := range v.Namespaces {
			cell := strconv.FormatUint(n.Inode, 10)
			switch {
			case n.Host:
				cell = "host"
			case len(n.Shared) > 0:
				cell += "*"
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return text.Table(os.Stdout, titles, rows)
}
