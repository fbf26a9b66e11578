package launcher

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"

	"coracle/launcher/containers"
)

// journalGrace is how long the journal may take to show the last entries of a
// container that has ended.
const journalGrace = 500 * time.Millisecond

// readJournal writes a log that journald has, as journalctl(1) finds it.
func (r *logReader) readJournal(ctx context.Context, x *containers.Container) error {
	program, err := exec.LookPath("journalctl")
	if err != nil {
		return fmt.Errorf("the log of container %s is in the journal, and journalctl is not installed\n  fix: install systemd, or make containers with --log-driver k8s-file", x.Name)
	}
	args := []string{"--quiet", "--all", "--output=json", "--output-fields=MESSAGE,PRIORITY,CONTAINER_PARTIAL_MESSAGE"}
	switch {
	case r.Tail >= 0:
		args = append(args, "--lines="+strconv.Itoa(r.Tail))
	case r.Follow:
		args = append(args, "--no-tail")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if r.Follow {
		args = append(args, "--follow")
		go func() {
			defer stop()
			if awaitEnd(ctx, x) && r.Until.IsZero() {
				wait(ctx, journalGrace)
			}
		}()
	}
	cmd := exec.CommandContext(ctx, program, append(args, "CONTAINER_ID_FULL="+x.ID)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	// Without an error all of it was read: journalctl is about to end by itself.
	if err = r.copyJournal(out); err != nil {
		stop()
	}
	if werr := cmd.Wait(); err == nil && werr != nil && !r.Follow {
		return fmt.Errorf("cannot read the journal: journalctl: %w: %s", werr, bytes.TrimSpace(complaint.Bytes()))
	}
	if errors.Is(err, errUntil) {
		return nil
	}
	return err
}

// awaitEnd returns when the container has ended, or the context.
func awaitEnd(ctx context.Context, x *containers.Container) (ended bool) {
	for {
		alive, err := x.Alive()
		if err != nil || !alive {
			return true
		}
		if !wait(ctx, 200*time.Millisecond) {
			return false
		}
	}
}

// wait tells whether the time went by before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// maxJournalRecord bounds a line of journalctl, in bytes: a message that is no
// UTF-8 is a list of numbers there.
const maxJournalRecord = 8 * maxJournalLine

// copyJournal writes what journalctl prints, an object a line.
func (r *logReader) copyJournal(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 64<<10), maxJournalRecord)
	for lines.Scan() {
		e, ok := parseJournal(lines.Bytes())
		if !ok {
			continue
		}
		if err := r.write(e); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	return nil
}

// parseJournal reads an entry as journalctl prints it.
func parseJournal(line []byte) (e entry, ok bool) {
	var j struct {
		Message  json.RawMessage `json:"MESSAGE"`
		Priority string          `json:"PRIORITY"`
		Partial  string          `json:"CONTAINER_PARTIAL_MESSAGE"`
		Time     string          `json:"__REALTIME_TIMESTAMP"`
	}
	if json.Unmarshal(line, &j) != nil {
		return e, false
	}
	µs, err := strconv.ParseInt(j.Time, 10, 64)
	if err != nil {
		return e, false
	}
	var text string
	if json.Unmarshal(j.Message, &text) == nil {
		e.text = []byte(text)
	} else {
		var numbers []uint8 // as []uint8, encoding/json would take it for base64
		var list []int
		if json.Unmarshal(j.Message, &list) != nil {
			return e, false
		}
		for _, n := range list {
			numbers = append(numbers, byte(n))
		}
		e.text = numbers
	}
	e.time = time.UnixMicro(µs).AppendFormat(nil, time.RFC3339Nano)
	e.err, e.partial = j.Priority == "3", j.Partial == "true"
	if !e.partial {
		e.text = append(e.text, '\n')
	}
	return e, true
}
