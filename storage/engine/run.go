//go:build containers_image_openpgp

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"coracle/storage/record"

	"github.com/sirupsen/logrus"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/reexec"
)

// answerFD is where the answer goes. It is not standard output, so that a
// credential helper or a careless library cannot write into it.
const answerFD = 3

// maxRequest bounds the request, in bytes.
const maxRequest = 1 << 20

// engine is one run of the program: an open store and what was asked.
type engine struct {
	req   record.Request
	store storage.Store
	sys   *types.SystemContext
	work  *scratch
	bars  *progress
	notes []string
	sleep sleeper
}

// Main is the whole of the program coracle-engine. The first thing it does is
// to become one of containers/storage's helpers when the name it was started
// by says so.
func Main() int {
	if reexec.Init() {
		return 0
	}
	syscall.CloseOnExec(answerFD)
	logrus.SetOutput(io.Discard) // what matters comes back as an error
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	answer := run(ctx, os.Args[1:], os.Stdin, os.Stderr)
	out := os.NewFile(answerFD, "answer")
	if out == nil {
		fmt.Fprintln(os.Stderr, "coracle-engine: descriptor 3 is not open; this program is started by coracle, not by hand")
		return 2
	}
	if err := json.NewEncoder(out).Encode(answer); err != nil {
		fmt.Fprintf(os.Stderr, "coracle-engine: cannot write the answer: %v\n", err)
		return 2
	}
	if answer.Problem != nil {
		return 1
	}
	return 0
}

// run does what the arguments and the request say and never fails: a failure is
// an answer too.
func run(ctx context.Context, args []string, stdin io.Reader, stderr *os.File) *record.Answer {
	e := &engine{sleep: sleepFor}
	answer, err := e.answer(ctx, args, stdin, stderr)
	if err != nil {
		answer = &record.Answer{Problem: problemOf(ctx, err)}
	}
	answer.Notes = e.notes
	return answer
}

func (e *engine) answer(ctx context.Context, args []string, stdin io.Reader, stderr *os.File) (*record.Answer, error) {
	if len(args) != 1 || args[0] != "resolve" && args[0] != "list" {
		return nil, failf(record.ErrUsage, "coracle-engine knows the verbs resolve and list, not %q", args)
	}
	if err := json.NewDecoder(io.LimitReader(stdin, maxRequest)).Decode(&e.req); err != nil {
		return nil, failf(record.ErrUsage, "cannot read the engine's request: %w", err)
	}
	if err := ownMounts(); err != nil {
		return nil, err
	}
	if err := e.open(); err != nil {
		return nil, err
	}
	if args[0] == "list" {
		return e.list()
	}
	e.bars = newProgress(stderr, e.req.Quiet)
	defer e.bars.close()
	return e.resolve(ctx)
}

func (e *engine) list() (*record.Answer, error) {
	images, err := e.store.Images()
	if err != nil {
		return nil, failf(record.ErrStore, "cannot list the images in %s: %w", e.store.GraphRoot(), err)
	}
	answer := &record.Answer{Images: []record.Listed{}}
	for _, i := range images {
		answer.Images = append(answer.Images, record.Listed{ID: i.ID, Names: i.Names})
	}
	return answer, nil
}

// note keeps a line for the user, once: a fallback was taken, and what lifts it.
func (e *engine) note(format string, args ...any) {
	if s := printable(fmt.Sprintf(format, args...)); !slices.Contains(e.notes, s) {
		e.notes = append(e.notes, s)
	}
}
