package launcher

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"coracle/storage"
	"coracle/userns"
)

// StoreCommand runs a command of the image engine (images, pull, cp, …) as
// mapped root of the base user namespace, on this process's standard
// descriptors, and returns its exit status.
func StoreCommand(ctx context.Context, args []string) (int, error) {
	return storeCommand(ctx, args, nil)
}

// StoreOutput is [StoreCommand] with what the command prints.
func StoreOutput(ctx context.Context, args []string) ([]byte, int, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, ExitFailed, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer r.Close()
	type output struct {
		data []byte
		err  error
	}
	read := make(chan output, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(r, maxMessage))
		read <- output{data, err}
	}()
	status, err := storeCommand(ctx, args, w)
	w.Close()
	o := <-read
	if err == nil {
		err = o.err
	}
	return o.data, status, err
}

// storeCommand is [StoreCommand] with another standard output, unless it is nil.
func storeCommand(ctx context.Context, args []string, stdout *os.File) (int, error) {
	l, err := newLaunch(ctx)
	if err != nil {
		return ExitFailed, err
	}
	engine, err := storage.Engine()
	if err != nil {
		return ExitFailed, err
	}
	defer engine.Close()
	session, tell, err := os.Pipe()
	if err != nil {
		return ExitFailed, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer session.Close()
	defer tell.Close()
	// The engine ends when it has cleaned up; the exit status is worth waiting for.
	// A terminal's keys reach it, too, which takes the second signal for the first.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	runtime.LockOSThread() // see userns.Program.Tied
	defer runtime.UnlockOSThread()
	send := func() error {
		s := l.session()
		if err := s.Write(tell); err != nil {
			return fmt.Errorf("cannot tell the image engine what it runs for: %w", err)
		}
		return tell.Close()
	}
	if l.shell != nil {
		return l.storeHere(engine, session, stdout, send, args, signals)
	}
	p := l.engineProgram(engine, args)
	p.Extra, p.KeepSession, p.Stdio[1] = session, true, stdout
	join := openBase
	if ofContainers(args) {
		join = func(string, userns.Grant) *os.File { return l.baseOf(args) }
	}
	process, err := l.grant.Start(p, join(l.paths.Run, l.grant))
	if err != nil {
		return ExitFailed, err
	}
	if err := process.Map(ctx, l.grant); err != nil {
		return ExitFailed, err
	}
	if err := send(); err != nil {
		return ExitFailed, err
	}
	defer passSignals(signals, process.Pid)()
	return process.Wait()
}

// passSignals tells the engine of signals until stop is called.
func passSignals(signals <-chan os.Signal, pid int) (stop func()) {
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				if sig != unix.SIGINT {
					sig = unix.SIGTERM // it knows these two
				}
				_ = unix.Kill(pid, sig.(unix.Signal))
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended) }
}
