package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Throughput is how fast a program keeps what a container writes and shows it to
// who follows: `run -d`, then `logs -f` until the container has ended.
type Throughput struct {
	Program string  `json:"program"`
	Driver  string  `json:"driver"`
	Bytes   int64   `json:"bytes"`
	Wall    float64 `json:"wall_s"`
	// CPU is of all processes, the container's own included; Reader that of logs -f.
	CPU    float64 `json:"cpu_s"`
	Reader float64 `json:"reader_cpu_s"`
}

// PerGB is processor time for each 10^9 bytes, in seconds.
func (t Throughput) PerGB() float64 { return t.CPU * 1e9 / float64(t.Bytes) }

// logLine is what the container writes again and again: as long as a line of a web
// server's log.
const logLine = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

// logBlock is how many bytes the container writes at once: what makes the lines
// should cost little beside what passes them on.
const logBlock = 9900 * (len(logLine) + 1)

// logCommand writes about so many bytes, in whole blocks.
func logCommand(bytes int64) (argv []string, exact int64) {
	blocks := max(bytes/int64(logBlock), 1)
	make := fmt.Sprintf("yes %s | head -n %d >/tmp/block", logLine, logBlock/(len(logLine)+1))
	return []string{"sh", "-c", make + fmt.Sprintf("; i=0; while [ $i -lt %d ]; do cat /tmp/block; i=$((i+1)); done", blocks)}, blocks * int64(logBlock)
}

// measureLogs lets each program take so many bytes.
func (b *bench) measureLogs(ctx context.Context, bytes int64, all []lifer) (list []Throughput, err error) {
	for _, driver := range []string{"k8s-file", "json-file"} {
		for _, x := range all {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("interrupted: %w", ctx.Err())
			}
			progress("%d MB through logs -f of %s, %s", bytes/1e6, x.name, driver)
			t, err := b.throughput(x, driver, bytes)
			if err != nil && x.name == "coracle" {
				return nil, fmt.Errorf("logs -f, %s: %w", driver, err)
			} else if err != nil {
				b.note("%s, logs -f, %s: %s", x.name, driver, oneLine(err))
				continue
			}
			list = append(list, t)
		}
	}
	return list, nil
}

// throughput measures once: it takes long enough.
func (b *bench) throughput(x lifer, driver string, bytes int64) (Throughput, error) {
	command, bytes := logCommand(bytes)
	t := Throughput{Program: x.name, Driver: driver, Bytes: bytes}
	g := &guest{b: b, of: x, name: "life-" + b.id()}
	argv := x.run(g.name, command...)
	run := slices.Index(argv, "run")
	argv = slices.Insert(slices.Clone(argv), run+1, "--log-driver", driver)
	before, start := cpuTime(), time.Now()
	err := b.quietly(argv)
	g.adopt()
	var got int64
	if err == nil {
		got, t.Reader, err = b.readAll(x.logs(g.name))
	}
	t.Wall = time.Since(start).Seconds()
	err = errors.Join(err, g.end())
	t.CPU = (cpuTime() - before).Seconds()
	if err == nil && got != bytes && x.name == "coracle" {
		err = fmt.Errorf("%d bytes came instead of %d", got, bytes)
	} else if err == nil && got != bytes {
		b.note("%s, logs -f, %s: of %d bytes %d came", x.name, driver, bytes, got)
	}
	return t, err
}

// readAll counts what a command prints.
func (b *bench) readAll(argv []string) (n int64, cpu float64, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	b.sampler.clearErrors()
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Dir: b.world.Home, Env: b.world.env(), Files: []*os.File{b.sampler.null, w, b.sampler.stderr}})
	w.Close()
	if err != nil {
		return 0, 0, err
	}
	n, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 256<<10))
	state, werr := p.Wait()
	if err = errors.Join(err, werr); err != nil {
		return n, 0, err
	}
	if !state.Success() {
		return n, 0, fmt.Errorf("%s: %s: %s", argv[0], state, b.sampler.errors())
	}
	return n, (state.UserTime() + state.SystemTime()).Seconds(), nil
}

func (p *printer) throughput(list []Throughput) {
	if len(list) == 0 {
		return
	}
	p.line("\nlines of a container to its log and through logs -f (MB, MB/s, processor seconds a GB)")
	t := &table{align: "llrrrr"}
	t.add("", "log", "amount", "speed", "cpu/GB", "logs -f alone")
	for _, r := range list {
		t.add(r.Program, r.Driver, fmt.Sprint(r.Bytes/1e6), digits(float64(r.Bytes)/1e6/r.Wall), digits(r.PerGB()), digits(r.Reader*1e9/float64(r.Bytes)))
	}
	p.table(t)
}

// logTargets judges it.
func logTargets(list []Throughput) []Target {
	of := func(program string) (t Throughput, ok bool) {
		i := slices.IndexFunc(list, func(t Throughput) bool { return t.Program == program && t.Driver == "k8s-file" })
		if i < 0 {
			return t, false
		}
		return list[i], true
	}
	ours, ok := of("coracle")
	theirs, also := of("podman")
	if !ok || !also {
		return nil
	}
	return []Target{{Name: "logs -f, processor time, against podman", Value: ours.PerGB() / theirs.PerGB(), Unit: "×", Limit: 0.5}}
}
