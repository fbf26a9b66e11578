package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"coracle/cmd/internal/text"
	"coracle/launcher"
	"coracle/launcher/processes"
)

// TopCmd is `coracle top`.
type TopCmd struct {
	Argv   []string `arg:"" optional:"" passthrough:"partial" name:"container [columns]" help:"Container, and columns: pid user comm, or as ps has them: -o pid,user,comm."`
	Latest bool     `short:"l" help:"The container made last."`
}

// Run prints the processes of a container.
func (c *TopCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	words := c.Argv
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	var name []string
	if len(words) > 0 && !c.Latest {
		name, words = words[:1], words[1:]
	}
	if name, err = chosen(all, name, false, c.Latest); err != nil {
		return launcher.ExitFailed, err
	}
	columns, err := topColumns(words)
	if err != nil {
		return launcher.ExitFailed, err
	}
	x, err := all.Running(name[0])
	if err != nil {
		return launcher.ExitFailed, err
	}
	list, err := processes.List(x.PID)
	if errors.Is(err, os.ErrProcessDone) {
		err = fmt.Errorf("%w: %s", launcher.ErrNotRunning, name[0])
	}
	if err != nil {
		return launcher.ExitFailed, err
	}
	now := time.Now()
	titles, rows := []string{}, [][]string{}
	for _, col := range columns {
		titles = append(titles, col.title)
	}
	for _, p := range list {
		row := []string{}
		for _, col := range columns {
			row = append(row, col.show(&p, now))
		}
		rows = append(rows, row)
	}
	return status([]error{text.Table(os.Stdout, titles, rows)})
}

// topDefault are docker's columns, those of ps -ef; ids and pids are the container's.
const topDefault = "user,pid,ppid,c,stime,tty,time,args"

// topColumns reads what follows the container: podman's words, or the options of
// ps that say the same.
func topColumns(words []string) (columns []topColumn, err error) {
	var names []string
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "aux" || w == "-aux" || w == "ax" {
			names = append(names, topAux)
			continue
		}
		option, isOption := strings.CutPrefix(w, "-")
		if !isOption {
			names = append(names, w)
			continue
		}
		// -e, -A: all processes, -f, -l: more of each. What -o asks for follows the o.
		letters, value, asked := strings.Cut(option, "o")
		if strings.Trim(letters, "eAf") != "" || option == "" {
			return nil, fmt.Errorf("invalid option %q for the processes of a container\n  fix: coracle top CONTAINER -o pid,user,args", w)
		}
		if !asked {
			continue
		}
		if value == "" {
			if i++; i == len(words) {
				return nil, fmt.Errorf("%s lacks the names of columns\n  fix: coracle top CONTAINER -o pid,user,args", w)
			}
			value = words[i]
		}
		names = append(names, value)
	}
	if len(names) == 0 {
		names = []string{topDefault}
	}
	known := topKnown()
	for _, name := range strings.FieldsFunc(strings.Join(names, ","), func(r rune) bool { return r == ',' || r == ' ' }) {
		show, ok := known[strings.ToLower(name)]
		if !ok {
			return nil, fmt.Errorf("unknown column %q\n  fix: one of args c capamb capbnd capeff capinh capprm comm etime etimes gid group hgroup hgroups hpid huser label lstart nice nlwp pcpu pgid pid pmem ppid rss seccomp sid start stat state stime time tty uid user vsz", name)
		}
		columns = append(columns, show)
	}
	if len(columns) == 0 {
		return nil, errors.New("no column named")
	}
	return columns, nil
}
