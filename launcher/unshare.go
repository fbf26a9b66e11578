package launcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/holder"
	"coracle/storage/record"
	"coracle/userns"
)

// UnshareName is the argv[0] under which the program becomes the command of
// `coracle unshare`, with the command as its arguments.
const UnshareName = "coracle-unshare"

// holderEnv is the address of the process that keeps locks for the shell.
const holderEnv = "CORACLE_UNSHARE_HOLDER"

// Unshare runs a command, the user's shell without one, as mapped root of the
// base user namespace, in a mount namespace of its own, and returns its exit
// status. Terminal, session, environment and directory are the caller's.
func Unshare(ctx context.Context, argv []string) (int, error) {
	if len(argv) == 0 {
		argv = []string{userShell(os.Getenv("SHELL"))}
	}
	l, err := newLaunch(ctx)
	if err != nil {
		return ExitFailed, err
	}
	if l.shell != nil { // one more would have the same ids
		return become(argv)
	}
	sweepHolders(l.paths.Run)
	held, err := holder.Serve(holderPath(l.paths.Run, os.Getpid()))
	if err != nil {
		return ExitFailed, err
	}
	defer held.Close()
	// The keys that send these are for the command.
	keys := make(chan os.Signal, 1)
	signal.Notify(keys, unix.SIGINT, unix.SIGQUIT)
	defer signal.Stop(keys)
	runtime.LockOSThread() // see userns.Program.Tied
	defer runtime.UnlockOSThread()
	p := userns.Program{Argv: append([]string{UnshareName}, argv...), Tied: true, KeepSession: true, Env: l.unshareEnv()}
	if p.Path, p.File, err = self(); err != nil {
		return ExitFailed, err
	}
	process, err := l.grant.Start(p, openBase(l.paths.Run, l.grant))
	if err != nil {
		return ExitFailed, err
	}
	if err := process.Map(ctx, l.grant); err != nil {
		return ExitFailed, err
	}
	// Containers that are started meanwhile share the namespace, so that commands in
	// it reach their files.
	defer announce(l.paths.Run, process.Pid)()
	if l.grant.Note != "" {
		fmt.Fprintln(os.Stderr, "coracle: "+l.grant.Note)
	}
	return process.Wait()
}

func userShell(shell string) string {
	if !filepath.IsAbs(shell) || unix.Access(shell, unix.X_OK) != nil {
		return "/bin/sh"
	}
	return shell
}

// unshareEnv is the caller's environment, what tells coracle where it is, and what
// tells podman, buildah and skopeo the same.
func (l *launch) unshareEnv() []string {
	told := append(record.Environ(nil, l.grant.UID, l.grant.GID), userns.UnshareEnv+"=1", holderEnv+"="+holderPath(l.paths.Run, os.Getpid()))
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name != userns.UnshareEnv && name != holderEnv && !strings.HasPrefix(name, "_CONTAINERS_") {
			env = append(env, kv)
		}
	}
	return append(env, told...)
}

const holderPrefix = "unshare-"

func holderPath(run string, pid int) string {
	return filepath.Join(run, holderPrefix+strconv.Itoa(pid))
}

// sweepHolders removes the addresses of processes that were killed.
func sweepHolders(run string) {
	entries, _ := os.ReadDir(run)
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), holderPrefix)
		pid, err := strconv.Atoi(text)
		if ok && err == nil && containers.StartTime(pid) == "" {
			_ = os.Remove(filepath.Join(run, e.Name()))
		}
	}
}

// UnsharedMain is the main function of [UnshareName].
func UnsharedMain(argv []string) int {
	if len(argv) == 0 {
		return ExitFailed
	}
	status, err := become(argv)
	fmt.Fprintln(os.Stderr, "coracle: "+err.Error())
	return status
}

// become executes a command in this process's place. It returns only with an error.
func become(argv []string) (int, error) {
	path, err := exec.LookPath(argv[0])
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	if err == nil {
		err = syscall.Exec(path, argv, os.Environ())
	}
	status := ExitCannotInvoke
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		status = ExitNotFound
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause // the name is in ours
	}
	return status, fmt.Errorf("cannot run %q: %w", argv[0], err)
}
