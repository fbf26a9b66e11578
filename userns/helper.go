package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxMessage bounds what is kept of what a helper says, in bytes.
const maxMessage = 4096

// runHelpers runs newuidmap and newgidmap side by side: the kernel takes the
// two maps in any order. Measured with 500 interleaved rounds on two cores,
// fastest round of each: one after the other 1.5 ms, side by side 1.1 ms. A
// round by os/exec, os.StartProcess or syscall.ForkExec, from one goroutine or
// two, differs by less than the noise, so it is the plainest.
func (g Grant) runHelpers(ctx context.Context, pid int) error {
	var running [len(kinds)]*helper
	for i, k := range kinds {
		running[i] = startHelper(ctx, k, pid, k.of(g))
	}
	var failed error
	for _, h := range running {
		// Both are waited for. One cause mostly makes both fail: it is said once.
		if err := h.wait(); err != nil && failed == nil {
			failed = thisHost().explainHelper(g, h, err)
		}
	}
	if failed != nil && ctx.Err() != nil {
		return fmt.Errorf("cannot map ids: %w", ctx.Err())
	}
	return failed
}

// helper is a running newuidmap or newgidmap.
type helper struct {
	kind
	path    string
	cmd     *exec.Cmd
	output  *os.File // what it says, a file in memory
	err     error    // why it could not be started
	message string   // what it said, after wait
}

func startHelper(ctx context.Context, k kind, pid int, m IDMap) *helper {
	h := &helper{kind: k}
	if h.path, h.err = findProgram(k.helper); h.err != nil {
		return h
	}
	// Memory, not a pipe: it takes whatever name service plug-ins print and needs
	// nobody to read it meanwhile.
	fd, err := unix.MemfdCreate(k.helper, unix.MFD_CLOEXEC)
	if err != nil {
		h.err = fmt.Errorf("memfd_create: %w", err)
		return h
	}
	h.output = os.NewFile(uintptr(fd), k.helper)
	h.cmd = exec.CommandContext(ctx, h.path, helperArgs(pid, m)...)
	h.cmd.Env = programEnv()
	h.cmd.Stderr = h.output
	h.err = h.cmd.Start()
	return h
}

// wait waits for the end of the helper and returns why it failed.
func (h *helper) wait() error {
	if h.output != nil {
		defer h.output.Close()
	}
	if h.err != nil {
		return h.err
	}
	err := h.cmd.Wait()
	if err == nil {
		return nil
	}
	text := make([]byte, maxMessage)
	n, _ := h.output.ReadAt(text, 0) // what it said is a comfort, not a need
	h.message = oneLine(string(text[:n]))
	var exit *exec.ExitError
	if h.message != "" && errors.As(err, &exit) && exit.Exited() {
		return errors.New(h.message)
	}
	return fmt.Errorf("%s: %w", h.kind.helper, err)
}

// helperArgs are the arguments of newuidmap(1): the process and the extents.
func helperArgs(pid int, m IDMap) []string {
	args := []string{strconv.Itoa(pid)}
	for _, e := range m {
		for _, n := range [...]uint32{e.Inside, e.Outside, e.Size} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	return args
}

// oneLine keeps the first line of a message, without what a terminal would act on.
func oneLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
