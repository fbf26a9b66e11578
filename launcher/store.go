package launcher

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"coracle/storage"
	"coracle/storage/record"
)

// StoreCommand runs a command of the image engine (images, pull, cp, …) as
// mapped root of the base user namespace, on this process's standard
// descriptors, and returns its exit status.
func StoreCommand(ctx context.Context, args []string) (int, error) {
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
	// The keys that send these reach the engine itself, which ends when it has
	// cleaned up; the exit status is worth waiting for.
	keys := make(chan os.Signal, 1)
	signal.Notify(keys, unix.SIGINT, unix.SIGQUIT)
	defer signal.Stop(keys)
	runtime.LockOSThread() // see userns.Program.Tied
	defer runtime.UnlockOSThread()
	p := l.engineProgram(engine, args)
	p.Extra, p.KeepSession = session, true
	process, err := l.grant.Start(p, openBase(l.paths.Run, l.grant))
	if err != nil {
		return ExitFailed, err
	}
	if err := process.Map(ctx, l.grant); err != nil {
		return ExitFailed, err
	}
	s := record.Session{
		Version: Version(), Data: l.paths.Data, Run: l.paths.Run, UID: l.grant.UID, GID: l.grant.GID, User: l.grant.User,
		UIDs: l.grant.UIDs, GIDs: l.grant.GIDs,
	}
	if err := s.Write(tell); err != nil {
		return ExitFailed, fmt.Errorf("cannot tell the image engine what it runs for: %w", err)
	}
	tell.Close()
	return process.Wait()
}
