package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// workerName is the argv[0] of the process that measures, when root started it.
const workerName = "coracle-bench-worker"

// options are the command line.
type options struct {
	Coracle string
	Rounds  int
	Quick   bool
	JSON    bool
	Only    string
	Storage bool
	Layout  string
	Net     bool
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("coracle-bench", flag.ContinueOnError)
	f.SetOutput(usage)
	f.StringVar(&o.Coracle, "coracle", "bin/coracle", "the program to measure")
	f.IntVar(&o.Rounds, "n", 30, "rounds of single runs; batches and stores get fewer")
	f.BoolVar(&o.Quick, "quick", false, "few rounds, small batches and stores: does it work at all?")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	f.StringVar(&o.Only, "only", "", "comma-separated programs to compare with, by their names in the table (all that are installed)")
	f.BoolVar(&o.Storage, "storage", false, "measure the image store instead of launches")
	f.StringVar(&o.Layout, "layout", "", "with -storage: an image made before, as an OCI layout (made in the user's cache)")
	f.BoolVar(&o.Net, "net", false, "measure networks instead of launches")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.Rounds < 1 {
		return o, fmt.Errorf("want no arguments and -n of 1 or more\n  fix: coracle-bench -help")
	}
	var err error
	o.Coracle, err = filepath.Abs(o.Coracle)
	return o, err
}

// args is the command line that parse turns into o.
func (o options) args() []string {
	return []string{
		"-coracle", o.Coracle, "-n", fmt.Sprint(o.Rounds),
		fmt.Sprintf("-quick=%t", o.Quick), fmt.Sprintf("-json=%t", o.JSON), "-only", o.Only,
		fmt.Sprintf("-storage=%t", o.Storage), "-layout", o.Layout, fmt.Sprintf("-net=%t", o.Net),
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	if os.Args[0] == netName {
		if err := netMain(ctx, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "coracle-bench:", err)
			os.Exit(1)
		}
		return
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil && !errors.Is(err, errReported) {
		fmt.Fprintln(os.Stderr, "coracle-bench:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

// errReported says that another process has printed the error.
var errReported = errors.New("reported")

func run(ctx context.Context, o options, out io.Writer) error {
	if _, err := os.Stat(o.Coracle); err != nil {
		return fmt.Errorf("no program to measure: %w\n  fix: make build", err)
	}
	// What the measured programs leave behind becomes a child of this process,
	// which can then wait for it.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot become the parent of orphans: %w", err)
	}
	if os.Args[0] == workerName {
		return work(ctx, o, &world{Home: os.Getenv("HOME"), Run: os.Getenv("XDG_RUNTIME_DIR")}, out)
	}
	if os.Geteuid() == 0 {
		return asOther(ctx, o, out)
	}
	w, err := temporaryWorld()
	if err != nil {
		return err
	}
	return errors.Join(work(ctx, o, w, out), w.remove())
}

// work measures and prints.
func work(ctx context.Context, o options, w *world, out io.Writer) error {
	var r interface{ write(io.Writer) error }
	var err error
	switch {
	case o.Net:
		r, err = measureNet(ctx, o, w)
	case o.Storage:
		r, err = measureStorage(ctx, o, w)
	default:
		r, err = measure(ctx, o, w)
	}
	if err != nil {
		return err
	}
	if !o.JSON {
		return r.write(out)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
