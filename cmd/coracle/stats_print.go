package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/launcher/containers"
)

// statsOf is a container and the name that it was asked for by.
type statsOf struct {
	c    *containers.Container
	name string
}

func (w *statsWatch) samples(list []statsOf) (map[string]launcher.Sample, error) {
	var all []*containers.Container
	for _, x := range list {
		all = append(all, x.c)
	}
	return w.all.Samples(all)
}

// look takes samples and prints them beside the last ones.
func (w *statsWatch) look(list []statsOf) error {
	now, err := w.samples(list)
	if err != nil {
		return err
	}
	rows := []statsRow{}
	for _, x := range list {
		r := statsRow{c: x.c, name: x.name, whole: w.NoTrunc}
		if s, ok := now[x.c.ID]; ok {
			r.now = &s
			// One that was started again begins anew.
			if b, ok := w.before[x.c.ID]; ok && b.At.After(x.c.Started) {
				r.before = &b
			}
			w.say(x.c, s)
		}
		rows = append(rows, r)
	}
	w.before = now
	return w.show(rows)
}

// say tells once of each container what cannot be known of it, if it was asked for.
func (w *statsWatch) say(c *containers.Container, s launcher.Sample) {
	for key, words := range map[string][]string{launcher.WhyIO: {"Block"}, launcher.WhyNet: {"Net"}, launcher.WhyShared: {"CPU", "Mem", "PID", "Up", "Block"}} {
		why, ok := s.Why[key]
		if !ok || w.said[c.ID+key] || !w.asks(words) {
			continue
		}
		w.said[c.ID+key] = true
		fmt.Fprintf(os.Stderr, "coracle: %s: %s\n", c.Name, why)
	}
}

// asks tells whether the format may show a field that begins so.
func (w *statsWatch) asks(words []string) bool {
	f := strings.TrimSpace(w.Format)
	if f == "" || f == "table" || f == "json" || strings.Contains(f, "json ") {
		return true
	}
	for _, word := range words {
		if strings.Contains(f, "."+word) {
			return true
		}
	}
	return false
}

// render is the text of the rows in the format asked for.
func (w *statsWatch) render(rows []statsRow) ([]byte, error) {
	var b bytes.Buffer
	l := format.List{
		Format: w.Format, Default: "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
		Headers: map[string]string{
			"ID": "CONTAINER ID", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT", "MemUsageBytes": "MEM USAGE / LIMIT", "MemPerc": "MEM %",
			"NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS", "PIDS": "PIDS", "AVGCPU": "AVG CPU %", "UpTime": "CPU TIME", "Up": "CPU TIME",
		},
	}
	err := l.Print(&b, rows)
	return b.Bytes(), err
}

// show prints rows; on a terminal in place of those before.
func (w *statsWatch) show(rows []statsRow) error {
	text, err := w.render(rows)
	if err != nil {
		return err
	}
	if !w.NoStream && !w.NoReset && strings.TrimSpace(w.Format) != "json" && term.IsTerminal(int(os.Stdout.Fd())) {
		text = redraw(text, !w.drawn)
		w.drawn = true
	}
	_, err = os.Stdout.Write(text)
	return err
}

// redraw writes over what is on the terminal line by line, and clears the rest
// afterwards, which does not flicker (console_codes(4)).
func redraw(text []byte, first bool) []byte {
	const home, clear, clearLine, clearBelow = "\x1b[H", "\x1b[2J", "\x1b[K", "\x1b[J"
	var b bytes.Buffer
	if first {
		b.WriteString(clear)
	}
	b.WriteString(home)
	b.Write(bytes.ReplaceAll(text, []byte("\n"), []byte(clearLine+"\n")))
	b.WriteString(clearBelow)
	return b.Bytes()
}
