package doctor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coracle/userns"
)

// ProbeName is the argv[0] under which this program starts itself to try
// something in new namespaces. main hands the other arguments to [Probe].
const ProbeName = "coracle-probe"

const (
	newUser = unix.CLONE_NEWUSER
	newNS   = unix.CLONE_NEWNS
	newPID  = unix.CLONE_NEWPID
	newNet  = unix.CLONE_NEWNET
	newIPC  = unix.CLONE_NEWIPC
)

// Trial is a probe to run in a child.
type Trial struct {
	Name  string   // which of the probes
	Flags uintptr  // CLONE_NEW* for the child
	Map   bool     // make the child root of its user namespace, which has this one id
	Args  []string // handed to the probe
}

// Step is one thing a probe tried and how it went.
type Step struct {
	Name string
	Err  syscall.Errno // 0 when it worked
	Text string        // what the step learned, often nothing
}

// outcome is what a trial brought: its steps, or why it did not start.
type outcome struct {
	steps []Step
	err   error
}

// probe runs a trial and keeps what it brought.
func (e *exam) probe(ctx context.Context, t Trial) outcome {
	steps, err := e.Try(ctx, t)
	return outcome{steps, err}
}

// step returns the named step. A trial that did not start, and a step that
// was not reached, failed with the errno that stopped the trial.
func (o outcome) step(name string) Step {
	for _, s := range o.steps {
		if s.Name == name {
			return s
		}
	}
	return Step{Name: name, Err: o.errno(), Text: "not reached"}
}

// errno is what kept the trial from starting, or the first failure within.
func (o outcome) errno() syscall.Errno {
	var n syscall.Errno
	if errors.As(o.err, &n) {
		return n
	}
	for _, s := range o.steps {
		if s.Err != 0 {
			return s.Err
		}
	}
	return unix.ENOSYS
}

// trialLimit ends a child that hangs, which none should: a probe takes 5 ms.
const trialLimit = 10 * time.Second

// try runs a probe in a child of this program with new namespaces.
func try(ctx context.Context, t Trial) ([]Step, error) {
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	var out bytes.Buffer
	cmd := probeCommand(ctx, t)
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start a probe: %w", err)
	}
	err := cmd.Wait()
	steps := parseSteps(&out)
	if len(steps) == 0 && err != nil {
		return nil, fmt.Errorf("probe %s: %w", t.Name, err)
	}
	return steps, nil
}

func probeCommand(ctx context.Context, t Trial) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = append([]string{ProbeName, t.Name}, t.Args...)
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: t.Flags}
	if t.Map {
		// Before execve(2), which takes the capabilities of who is not root.
		// setgroups is denied, as it must be for one id: CVE-2014-8989.
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// stepLimit bounds what is read back from a child.
const stepLimit = 1 << 16

// parseSteps reads what report wrote: `name errno text`, tabs between, one
// step a line. Lines of another form are passed over.
func parseSteps(r io.Reader) []Step {
	var steps []Step
	lines := bufio.NewScanner(io.LimitReader(r, stepLimit))
	for lines.Scan() {
		f := strings.SplitN(lines.Text(), "\t", 3)
		if len(f) != 3 {
			continue
		}
		n, err := strconv.ParseUint(f[1], 10, 12)
		if err != nil {
			continue
		}
		steps = append(steps, Step{f[0], syscall.Errno(n), f[2]})
	}
	return steps
}

// tryMaps starts a child in a new user namespace and lets the grant write its
// maps, as a launch does.
func tryMaps(ctx context.Context, g userns.Grant) error {
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	cmd := probeCommand(ctx, Trial{Name: "wait", Flags: newUser})
	hold, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start a probe: %w", err)
	}
	err = g.WriteMaps(ctx, cmd.Process.Pid)
	return errors.Join(err, hold.Close(), cmd.Wait())
}

// scratch makes an empty directory in dir, or in its nearest parent that
// exists, which is on the same file system unless dir will be a mount point.
// The returned function removes it with all that is in it.
func scratch(dir string) (string, func(), error) {
	for {
		_, err := os.Stat(dir)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", nil, err
		}
		dir = filepath.Dir(dir)
	}
	tmp, err := os.MkdirTemp(dir, ".coracle-doctor-")
	if err != nil {
		return "", nil, err
	}
	return tmp, func() {
		// The kernel leaves overlay's work/work with mode 0.
		_ = os.Chmod(filepath.Join(tmp, "work/work"), 0o700)
		_ = os.RemoveAll(tmp)
	}, nil
}
